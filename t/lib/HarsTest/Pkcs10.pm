package HarsTest::Pkcs10;

# Certification requests (RFC 2986) byte by byte, for those that no openssl
# would make: names with zero bytes, extensions twice, broken signatures.
#
#   my $key = key("$dir/x.key");                     P-256, made if need be
#   my $der = request($key, name([CN => 'a', O => 'b']),
#                     wishes(san(dns => 'a.example'), ca(1)));
#   my $der = request($key, name([CN => 'a']), '', digest => 'sha1');
#
# name() takes RDNs in the order of the certificate: O before CN.

use strict;
use warnings;

use Exporter qw(import);
use File::Temp qw(tempfile);
use MIME::Base64 qw(decode_base64);
use Socket qw(AF_INET inet_pton);

our @EXPORT = qw(key request name wishes san extension ca attribute tlv
                 sequence oid);

my %oid = (
    CN => '2.5.4.3', O => '2.5.4.10', C => '2.5.4.6',
    extensionRequest => '1.2.840.113549.1.9.14',
    challengePassword => '1.2.840.113549.1.9.7',
    basicConstraints => '2.5.29.19', subjectAltName => '2.5.29.17',
    keyUsage => '2.5.29.15', extKeyUsage => '2.5.29.37',
    sha256 => '1.2.840.10045.4.3.2', sha384 => '1.2.840.10045.4.3.3',
    sha1 => '1.2.840.10045.4.1',
);


sub tlv {
    my ($tag, $value) = @_;
    my $n = length $value;
    my $len = $n < 128 ? chr $n
        : $n < 256 ? "\x81" . chr $n : "\x82" . pack 'n', $n;

    die "longer than 64 KB\n" if $n > 65535;
    return chr($tag) . $len . $value;
}


sub sequence { return tlv(0x30, join '', @_) }


sub oid {
    my ($first, $second, @rest) =
        split /\./, $oid{$_[0]} // $_[0];
    my $bytes = chr(40 * $first + $second);

    for my $n (@rest) {
        my @seven = ($n & 127);
        unshift @seven, ($n & 127) | 128 while $n >>= 7;
        $bytes .= pack 'C*', @seven;
    }

    return tlv(6, $bytes);
}


# [ CN => text, O => text ]: one RDN each, UTF8String
sub name {
    my @pairs = @{ $_[0] };
    my @rdns;

    while (my ($type, $text) = splice @pairs, 0, 2) {
        push @rdns, tlv(0x31, sequence(oid($type), tlv(0x0c, $text)));
    }

    return sequence(@rdns);
}


sub extension {
    my ($type, $value) = @_;

    return sequence(oid($type), tlv(4, $value));
}


sub ca { return extension('basicConstraints',
                          sequence($_[0] ? tlv(1, "\xff") : ())) }


# names in pairs: dns, email, uri => text, ip => address
sub san {
    my (@pairs) = @_;
    my %tag = (email => 0x81, dns => 0x82, uri => 0x86, ip => 0x87);
    my $names = '';

    while (my ($type, $text) = splice @pairs, 0, 2) {
        $text = inet_pton(AF_INET, $text) if $type eq 'ip';
        $names .= tlv($tag{$type}, $text);
    }

    return extension('subjectAltName', sequence($names));
}


sub attribute {
    my ($type, @values) = @_;

    return sequence(oid($type), tlv(0x31, join '', @values));
}


sub wishes { return attribute('extensionRequest', sequence(@_)) }


# the path of a private key; further words are of "openssl genpkey"
sub key {
    my ($file, @words) = @_;

    @words = ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256')
        if !@words;
    if (!-s $file) {
        system("openssl genpkey @words -out $file 2> /dev/null") == 0
            or die "openssl genpkey @words failed\n";
    }

    return $file;
}


sub request {
    my ($key, $subject, $attributes, %o) = @_;
    my $digest = $o{digest} // 'sha256';
    my $public = `openssl pkey -in $key -pubout -outform DER`;
    my $info = sequence(tlv(2, chr($o{version} // 0)), $subject, $public,
                        tlv(0xa0, $attributes // ''));

    my ($fh, $file) = tempfile('hars-csr.XXXXXX', TMPDIR => 1, UNLINK => 1);
    binmode $fh;
    print $fh $info;
    close $fh or die "$file: $!\n";
    my $by = $o{by} // $key;
    my $signature = `openssl dgst -$digest -sign $by $file`;
    unlink $file;

    return sequence($info, sequence(oid($digest)),
                    tlv(3, "\0$signature"));
}

1;
