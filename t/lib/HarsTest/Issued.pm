package HarsTest::Issued;

# Certificates of an authority of the test's own, enrolled as clients do it,
# for what happens to them afterwards.  Everything is in $dir of EndToEnd.
#
#   my $conf = authority("audit_log = ...\n");      as.conf, ca/, root.key
#   add('a', '--subject-dn', 'CN=a,O=HARS');        a client
#   start();
#   enrol('name', 'a');                             pki/name.pem, $serial{name}
#   my ($status, $body, $head) = get('/crl', '-H', ...);

use strict;
use warnings;

use Exporter qw(import);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use HarsTest::EndToEnd;
use HarsTest::Pkcs10;

our @EXPORT = qw(%serial authority add enrol get header);

our %serial;                      # by name, as "ca list" has it

my $ml = 'https://ml.hars.localhost/';


# the settings; root.key is taken out of ca/
sub authority {
    my ($more, @words) = @_;
    my $conf = <<"END";
issuer = https://auth.hars.localhost
database = $database
client_ca = $dir/pki/client-ca.pem
ca_dir = $dir/ca
audit_log = $dir/audit.log
public_socket = $dir/public.sock
gateway_socket = $dir/gateway.sock
gateway_user = ${\ scalar getpwuid($>)}
$more
END

    write_file('as.conf', $conf);
    my ($rc, $said) = as('ca', 'init', '--name', 'O=Test', @words);
    $rc == 0 or BAIL_OUT("ca init: $said");
    rename "$dir/ca/root.key", "$dir/root.key";
    add('gateway', '--kind', 'resource_server');

    return $conf;
}


sub add {
    my ($id, @words) = @_;

    push @words, '--kind', 'service' if !grep { $_ eq '--kind' } @words;
    my ($rc, $said) = as('client', 'add', '--id', $id, '--resource', $ml,
                         @words);
    $rc == 0 or BAIL_OUT("client add $id: $said");
}


# a certificate for a client, kept as "name", of a key of its own,
# "$dir/name.key"; of O=HARS, or these RDNs
sub enrol {
    my ($name, $id, @rdn) = @_;
    my $key = key("$dir/$name.key");
    my ($said) = (as('client', 'enrol', $id))[1] =~ /^enrol_secret\t(\S+)/m;
    my $der = request($key, name([@rdn ? @rdn : (O => 'HARS', CN => $id)]));

    my (undef, $body) =
        run('curl', '-sS', '--unix-socket', "$dir/public.sock", '-u',
            "$id:$said", '-H', 'Content-Type: application/pkcs10',
            '--data-binary', '@' . write_file('csr', encode_base64($der, '')),
            'http://localhost/.well-known/est/simpleenroll');
    write_file('p7', decode_base64($body));
    my ($rc, $pem) = run('openssl', 'pkcs7', '-inform', 'DER', '-in',
                         "$dir/p7", '-print_certs');
    $rc == 0 or BAIL_OUT("enrolment of $id: $body");
    write_file("pki/$name.pem", $pem);
    known($name);
    ($serial{$name}) = (run('openssl', 'x509', '-in', "$dir/pki/$name.pem",
                            '-noout', '-serial'))[1] =~ /=(\w+)/;
    $serial{$name} = lc $serial{$name};
}


# status, body, headers as one text
sub get {
    my ($path, @words) = @_;
    my $file = "$dir/got";

    unlink $file;
    my (undef, $head) = run('curl', '-sS', '-o', $file, '-D', '-',
                            '--max-time', 20, '--unix-socket',
                            "$dir/public.sock", "http://localhost$path",
                            @words);
    my ($status) = $head =~ m{^HTTP/1\.1 (\d+)};

    return ($status // 0, content($file), $head);
}


sub header {
    my ($head, $name) = @_;

    return $head =~ /^\Q$name\E: (.*?)\r?$/mi ? $1 : undef;
}

1;
