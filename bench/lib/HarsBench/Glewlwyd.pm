package HarsBench::Glewlwyd;

# glewlwyd from Debian's package beside our authorization server: a database
# and settings of its own, the plugin OIDC, clients that are known by their
# certificate, which a proxy hands over in a header.  Its access tokens are JWT
# (HS256, the cheapest that it has) with cnf x5t#S256; it stores each.
#
#   my $it = HarsBench::Glewlwyd->new(dir => DIR, port => PORT);
#   launch it by $it->command, wait for 127.0.0.1:PORT
#   $it->clients($n, $subject);      c-1 to c-N, all with that certificate
#   $it->uri; $it->header('a')       where tokens are, what proves who asks
#
# It listens on TCP alone.

use strict;
use warnings;

use HTTP::Tiny;
use JSON::PP;

use HarsTest::Place;

my $program = '/usr/bin/glewlwyd';
my $layout = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';


sub new {
    my ($class, %o) = @_;

    -x $program && -e $layout
        or die "no $program: scripts/install-packages.sh bench\n";

    my $it = bless { %o }, $class;
    $it->database;
    $it->settings;

    return $it;
}


sub command { return ($program, "--config-file=$_[0]{dir}/glewlwyd.conf") }
sub uri     { return '/api/oidc/token' }


# the subject of a certificate is not among what a client may have at first
sub database {
    my ($it) = @_;
    my $db = "$it->{dir}/glewlwyd.db";

    open my $sql, '|-', 'sqlite3', '-bail', $db or die "sqlite3: $!\n";
    print $sql ".read $layout\n", <<'END';
UPDATE g_client_module_instance SET gcmi_parameters =
    json_set(gcmi_parameters, '$.data-format.token_endpoint_auth_method',
             json('{"multiple":true,"read":true,"write":true}'),
             '$.data-format.tls_client_auth_subject_dn',
             json('{"read":true,"write":true}'));
END
    close $sql or die "$layout does not make a database\n";
}


sub settings {
    my ($it) = @_;
    my $lib = '/usr/lib/glewlwyd';

    open my $fh, '>', "$it->{dir}/glewlwyd.conf" or die "glewlwyd.conf: $!\n";
    print $fh <<"END";
port = $it->{port}
bind_address = "127.0.0.1"
external_url = "http://127.0.0.1:$it->{port}/"
login_url = "login.html"
api_prefix = "api"
log_mode = "console"
log_level = "ERROR"
cookie_secure = 0
session_expiration = 2419200
session_key = "bench"
admin_session_authentication = "cookie"
profile_session_authentication = "cookie"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "$lib/user"
client_module_path = "$lib/client"
user_auth_scheme_module_path = "$lib/scheme"
plugin_module_path = "$lib/plugin"
use_secure_connection = false
secure_connection_key_file = "/none"
secure_connection_pem_file = "/none"
secure_connection_ca_file = "/none"
hash_algorithm = "SHA512"
database = { type = "sqlite3" path = "$it->{dir}/glewlwyd.db" };
static_files_mime_types = ({ extension = ".html" mime_type = "text/html" });
END
    close $fh or die "glewlwyd.conf: $!\n";
}


sub clients {
    my ($it, $n, $subject) = @_;

    # as its package makes the database
    $it->ask('auth', { username => 'admin', password => 'password' });
    $it->ask('scope', { name => 'ml:recognize', display_name => 'recognize',
                        password_required => JSON::PP::false });
    $it->ask('mod/plugin', { module => 'oidc', name => 'oidc',
        display_name => 'oidc', enabled => JSON::PP::true,
        parameters => parameters() });
    $it->ask('client', { client_id => "c-$_", name => "c-$_",
        scope => ['ml:recognize'], confidential => JSON::PP::true,
        enabled => JSON::PP::true,
        authorization_type => ['client_credentials'],
        token_endpoint_auth_method => ['tls_client_auth'],
        tls_client_auth_subject_dn => $subject,
        redirect_uri => ['https://client.example/'] }) for 1 .. $n;
}


sub parameters {
    my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

    return {
        iss => 'https://auth.hars.localhost', 'jwt-type' => 'sha',
        'jwt-key-size' => '256', key => 'of no use beyond the benchmark',
        'access-token-duration' => 3600, 'refresh-token-duration' => 86400,
        'code-duration' => 600, 'allow-non-oidc' => $yes,
        'auth-type-client-enabled' => $yes, 'auth-type-code-enabled' => $no,
        'auth-type-token-enabled' => $no, 'auth-type-implicit-enabled' => $no,
        'auth-type-password-enabled' => $no,
        'auth-type-refresh-enabled' => $no, 'client-cert-source' => 'header',
        'client-cert-header-name' => 'x509',
        'client-cert-self-signed-allowed' => $no,
        'client-cert-use-endpoint-aliases' => $no,
    };
}


sub ask {
    my ($it, $what, $body) = @_;
    my $r = HTTP::Tiny->new->post(
        "http://127.0.0.1:$it->{port}/api/$what/", {
            headers => { 'Content-Type' => 'application/json',
                         $it->{cookie} ? (Cookie => $it->{cookie}) : () },
            content => JSON::PP->new->encode($body),
        });

    $r->{success} or die "glewlwyd, $what: $r->{status} $r->{content}\n";

    my ($cookie) = map { ref $_ ? @$_ : $_ } $r->{headers}{'set-cookie'} // ();
    $it->{cookie} //= $cookie =~ s/;.*//r if $cookie;
}


# the certificate as a proxy would hand it over, on one line
sub header {
    my ($it, $name) = @_;

    open my $fh, '<', "$HarsTest::Place::pki/$name.pem" or die "$name: $!\n";
    local $/;

    return 'x509: ' . <$fh> =~ s/\n//gr;
}


1;
