package HarsTest::DCM;

# The data collecting mechanism on a socket of its own (HarsTest::Service).

use strict;
use warnings;

use Exporter qw(import);

use HarsTest::Service;

our @EXPORT = qw(dcm_start dcm_stop dcm_kill dcm_ask dcm_as dcm_pid dcm_dir
                 dcm_log dcm_alive dcm_settings dcm_try dcm_socket
                 dcm_database);

my $dcm = HarsTest::Service->new(name => 'dcm',
                                 keys => { 'data.key' => '5a' });


sub dcm_dir      { return $dcm->dir }
sub dcm_pid      { return $dcm->pid }
sub dcm_socket   { return $dcm->socket }
sub dcm_database { return $dcm->database }
sub dcm_postgres { return $dcm->postgres }
sub dcm_try      { return $dcm->try(@_) }
sub dcm_stop     { return $dcm->end('TERM') }
sub dcm_kill     { return $dcm->end('KILL') }
sub dcm_alive    { return $dcm->alive }
sub dcm_log      { return $dcm->log }
sub dcm_as       { return $dcm->as(@_) }
sub dcm_ask      { return $dcm->ask(@_) }

# another instance is asked from now on
sub dcm_use      { $dcm->socket(@_) }


# writes dcm.conf; a setting that is undef is left out
sub dcm_settings {
    return $dcm->write(socket => $dcm->path('dcm.sock'),
                       gateway_user => scalar getpwuid($>),
                       database => $dcm->database,
                       data_key => $dcm->path('data.key'), @_);
}


sub dcm_start {
    dcm_settings(@_);
    $dcm->start;
}


1;
