package HarsBench::Nginx;

# What each nginx of the benchmarks is told alike, whether it is a contender,
# lies behind one, or runs under callgrind: no access log, connections that
# stay open, and its files in a directory of its own.
#
#   my $text = HarsBench::Nginx::conf($main, $connections, $http);
#
# $main stands before all blocks, $http inside of http {}.

use strict;
use warnings;


sub conf {
    my ($main, $connections, $http) = @_;
    my $user = $> == 0 ? 'user root;' : '';

    return <<"END";
$main
$user
pid logs/nginx.pid;
error_log logs/error.log notice;

events {
    worker_connections $connections;
}

http {
    access_log off;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path tmp_body;
    proxy_temp_path tmp_proxy;
    fastcgi_temp_path tmp_fastcgi;
    uwsgi_temp_path tmp_uwsgi;
    scgi_temp_path tmp_scgi;
$http
}
END
}

1;
