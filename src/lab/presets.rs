//! Named behaviours: what mail servers are known to do to whoever measures them, one word each.

use std::io::{self, Write};

use serde_json::{Map, Value};

/// A behaviour by name.
pub struct Preset {
    /// The word for `as`.
    pub name: &'static str,
    /// What it does, for people.
    pub says: &'static str,
    /// The fields of a `server` line that do it.
    fields: &'static str,
}

/// The fields of the behaviour `name`.
pub fn find(name: &str) -> Option<Map<String, Value>> {
    let preset = PRESETS.iter().find(|preset| preset.name == name)?;
    serde_json::from_str(preset.fields).ok()
}

/// Names them all, one a line.
pub fn list(out: &mut impl Write) -> io::Result<()> {
    for preset in PRESETS {
        writeln!(out, "{:23} {}", preset.name, preset.says)?;
    }
    out.flush()
}

macro_rules! presets {
    ($($name:literal, $says:literal, $fields:literal;)*) => {
        /// Every named behaviour.
        pub const PRESETS: &[Preset] = &[$(Preset { name: $name, says: $says, fields: $fields }),*];
    };
}

presets! {
    "plain", "ESMTP without STARTTLS", r#"{}"#;
    "tls", "STARTTLS with a valid chain, TLS 1.2 and 1.3", r#"{"tls":"valid"}"#;
    "tls12", "the same, TLS 1.2 alone", r#"{"tls":{"versions":["TLSv1.2"]}}"#;
    "tls13", "the same, TLS 1.3 alone", r#"{"tls":{"versions":["TLSv1.3"]}}"#;
    "self-signed", "STARTTLS with a self-signed certificate", r#"{"tls":"self-signed"}"#;
    "expired", "STARTTLS with an expired certificate", r#"{"tls":"expired"}"#;

    "sslv3", "SSLv3 with RC4-MD5, as far as the first flight",
        r#"{"tls":{"key":"rsa2048","legacy":{"version":"SSLv3","cipher":"RC4-MD5"}}}"#;
    "rc4", "TLS 1.0 with RC4-SHA, as far as the first flight",
        r#"{"tls":{"key":"rsa2048","legacy":{"version":"TLSv1","cipher":"RC4-SHA"}}}"#;
    "dhe-1024", "TLS 1.0 with DHE-RSA-AES256-SHA and 1024 bits, as far as the first flight",
        r#"{"tls":{"key":"rsa2048","legacy":{"version":"TLSv1","cipher":"DHE-RSA-AES256-SHA"}}}"#;

    "policy-host", "a host of MTA-STS policies, each with its own certificate", r#"{"https":{}}"#;
    "policy-lf", "the same with LF alone, and without the last one",
        r#"{"https":{"text":"version: STSv1\nmode: testing\nmx: *.{domain}\nmax_age: 86400"}}"#;
    "policy-none", "a policy of mode none",
        r#"{"https":{"text":"version: STSv1\nmode: none\nmax_age: 86400\n"}}"#;
    "policy-redirect", "a policy host that points elsewhere",
        r#"{"https":{"status":301,"headers":[["Location","https://www.{domain}/.well-known/mta-sts.txt"]],"text":""}}"#;
    "policy-404", "a policy host without a policy", r#"{"https":{"status":404,"media_type":"text/html","text":"<html>"}}"#;
    "policy-204", "a policy host that answers 204", r#"{"https":{"status":204,"text":""}}"#;
    "policy-503", "a policy host that cannot answer now", r#"{"https":{"status":503,"text":""}}"#;
    "policy-slow", "a policy that comes an octet every 100 ms", r#"{"https":{"drip_ms":100}}"#;
    "policy-large", "more than 64 KiB of policy", r#"{"https":{"blank_lines":70000}}"#;
    "policy-endless", "a policy without an end", r#"{"https":{"endless":"mx: mx.lab.test\n"}}"#;
    "policy-head", "header fields without an end", r#"{"https":{"raw":"HTTP/1.1 200 OK\r\n","endless":"X-More: again\r\n"}}"#;
    "policy-early", "interim answers without an end", r#"{"https":{"raw":"","endless":"HTTP/1.1 103 Early Hints\r\n\r\n"}}"#;
    "policy-cut", "a policy that breaks off",
        r#"{"https":{"raw":"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n\r\nversion: STSv1\n"}}"#;
    "policy-no-http", "something inside TLS that is no HTTP", r#"{"https":{"raw":"220 mx ESMTP\r\n"}}"#;
    "policy-html", "a page where a policy should be",
        r#"{"https":{"media_type":"text/html","text":"<!DOCTYPE html>\n<title>Parked</title>\n"}}"#;
    "policy-media", "a policy as application/octet-stream", r#"{"https":{"media_type":"application/octet-stream"}}"#;
    "policy-expired", "a policy host with an expired certificate", r#"{"tls":"expired","https":{}}"#;
    "policy-other-name", "a policy host with somebody else's certificate", r#"{"tls":"wrong-name","https":{}}"#;
    "policy-unknown-ca", "a policy host with a certificate of a root that is in no store", r#"{"tls":"unknown-issuer","https":{}}"#;
    "policy-self-signed", "a policy host with a self-signed certificate", r#"{"tls":"self-signed","https":{}}"#;
    "policy-cn-only", "a policy host whose certificate has its name in the common name alone", r#"{"tls":"cn-only","https":{}}"#;

    "refused", "no listener: RST to the SYN", r#"{"listen":"refused"}"#;
    "blackhole", "the SYN is never answered", r#"{"listen":"blackhole"}"#;
    "silent", "accepts and never greets", r#"{"steps":{"banner":[{"end":"hang"}]}}"#;

    "banner-554", "greets with 554 and waits for QUIT (RFC 5321 §3.1)",
        r#"{"steps":{"banner":"554 5.3.2 {name} takes no mail\r\n","ehlo":"503 5.5.1 bad sequence\r\n","helo":"503 5.5.1 bad sequence\r\n"}}"#;
    "banner-421", "greets with 421 and closes",
        r#"{"steps":{"banner":[{"say":"421 4.3.2 {name} too busy\r\n","end":"close"}]}}"#;
    "banner-7s", "greets after 7 s", r#"{"steps":{"banner":[{"wait_ms":7000,"say":"{default}"}]}}"#;
    "banner-25s", "greets after 25 s", r#"{"steps":{"banner":[{"wait_ms":25000,"say":"{default}"}]}}"#;
    "postscreen", "two banner lines, 6 s apart",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP Postfix\r\n"},{"wait_ms":6000,"say":"220 {name} ESMTP Postfix\r\n"}]}}"#;
    "tarpit", "everything one byte a second", r#"{"drip_ms":1000}"#;
    "endless-banner", "continuation lines without end",
        r#"{"steps":{"banner":[{"say":"220-{name} and again\r\n","repeat":"forever"}]}}"#;
    "ansi", "terminal escapes in the banner",
        r#"{"steps":{"banner":"220 \u001b]0;owned\u0007\u001b[31m{name}\u001b[2J ESMTP\r\n"}}"#;
    "html", "markup in the banner", r#"{"steps":{"banner":"220 <script>alert(1)</script> {name} ESMTP\r\n"}}"#;
    "binary", "bytes that are not UTF-8 in the banner", r#"{"steps":{"banner":"220 {name} \u00ff\u00fe\u0000\u0080 ESMTP\r\n"}}"#;
    "http", "a web server", r#"{"steps":{"banner":[{"say":"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n","end":"close"}]}}"#;
    "ssh", "an SSH server", r#"{"steps":{"banner":"SSH-2.0-OpenSSH_9.2p1\r\n"}}"#;
    "no-crlf", "10 MB without a line end",
        r#"{"steps":{"banner":[{"say":"220 "},{"say":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","repeat":327680}]}}"#;
    "bare-lf", "lines end with LF alone",
        r#"{"steps":{"banner":"220 {name} ESMTP\n","ehlo":"250-{name}\n250-PIPELINING\n250 8BITMIME\n","helo":"250 {name}\n","quit":[{"say":"221 bye\n","end":"close"}]}}"#;

    "helo-only", "EHLO is refused with 502, HELO is fine", r#"{"steps":{"ehlo":"502 5.5.1 EHLO? what?\r\n"}}"#;
    "no-helo", "EHLO and HELO are refused",
        r#"{"steps":{"ehlo":"550 5.7.1 not you\r\n","helo":"550 5.7.1 not you\r\n"}}"#;
    "needs-domain", "the EHLO name must be a domain", r#"{"tls":"valid","ehlo_name":"domain"}"#;
    "endless", "continuation lines without end to EHLO",
        r#"{"steps":{"ehlo":[{"say":"250-X-AGAIN and again\r\n","repeat":"forever"}]}}"#;
    "no-crlf-ehlo", "10 MB without a line end to EHLO",
        r#"{"steps":{"ehlo":[{"say":"250-"},{"say":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","repeat":327680}]}}"#;
    "code-change", "the code changes inside the reply to EHLO",
        r#"{"steps":{"ehlo":"250-{name}\r\n550-PIPELINING\r\n250 8BITMIME\r\n"}}"#;
    "greylist", "451 to the first EHLO of the address, then fine",
        r#"{"tls":"valid","when":[{"to":1,"steps":{"ehlo":"451 4.7.1 greylisted, try again later\r\n"}}]}"#;
    "greylist-banner", "451 for the first banner, then fine",
        r#"{"tls":"valid","when":[{"to":1,"steps":{"banner":[{"say":"451 4.7.1 try again later\r\n","end":"close"}]}}]}"#;
    "limit", "421 to the fourth connection and after",
        r#"{"tls":"valid","when":[{"from":4,"steps":{"banner":[{"say":"421 4.7.0 too many connections\r\n","end":"close"}]}}]}"#;
    "one-in-30s", "421 to a connection within 30 s of the one before",
        r#"{"tls":"valid","when":[{"within_ms":30000,"steps":{"banner":[{"say":"421 4.7.0 too fast\r\n","end":"close"}]}}]}"#;
    "one-at-once", "421 while another connection is open",
        r#"{"tls":"valid","when":[{"at_once":1,"steps":{"banner":[{"say":"421 4.7.0 one at a time\r\n","end":"close"}]}}]}"#;

    "starttls-454", "advertised, refused for the time being",
        r#"{"tls":"valid","steps":{"starttls":"454 4.7.0 TLS not available due to temporary reason\r\n"}}"#;
    "starttls-501", "advertised, refused as a syntax error", r#"{"tls":"valid","steps":{"starttls":"501 5.5.4 syntax error\r\n"}}"#;
    "starttls-550", "advertised, refused", r#"{"tls":"valid","steps":{"starttls":"550 5.7.1 no\r\n"}}"#;
    "unadvertised", "not advertised, but works", r#"{"tls":"valid","advertise":""}"#;
    "masked", "masked by a middlebox, which also eats the command",
        r#"{"advertise":"XXXXXXXA","steps":{"starttls":"500 5.5.1 Command unrecognized: \"XXXX\"\r\n"}}"#;
    "masked-works", "masked, but the command works", r#"{"tls":"valid","advertise":"XXXXXXXA"}"#;
    "injected", "plaintext behind the 220 in the same packet, then TLS", r#"{"tls":"valid","steps":{"starttls":"220 2.0.0 go ahead\r\n250 injected\r\n"}}"#;
    "plaintext", "plaintext instead of TLS", r#"{"tls":"valid","steps":{"handshake":"500 5.5.1 command not recognized\r\n"}}"#;
    "alert", "a fatal handshake_failure instead of a ServerHello",
        r#"{"tls":"valid","steps":{"handshake":[{"say":"\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;

    "late-454-packet", "220 to STARTTLS, a 454 behind it in the same packet, and no TLS",
        r#"{"tls":"valid","steps":{"starttls":"220 2.0.0 go ahead\r\n454 4.7.0 TLS not available\r\n","handshake":[{"end":"close"}]}}"#;
    "dead-alert-packet", "an alert behind the 220, in the same packet, and a hello that nobody reads",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;
    "late-454-1ms", "220 to STARTTLS, a 454 behind it 1 ms later, and no TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":1,"say":"454 4.7.0 TLS not available\r\n"}],"handshake":[{"end":"close"}]}}"#;
    "injected-1ms", "plaintext behind the 220, 1 ms later, then TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":1,"say":"250 injected\r\n"}]}}"#;
    "dead-alert-1ms", "an alert behind the 220, 1 ms later, and a hello that nobody reads",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":1,"say":"\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;
    "late-454-30ms", "220 to STARTTLS, a 454 behind it 30 ms later, and no TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":30,"say":"454 4.7.0 TLS not available\r\n"}],"handshake":[{"end":"close"}]}}"#;
    "injected-30ms", "plaintext behind the 220, 30 ms later, then TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":30,"say":"250 injected\r\n"}]}}"#;
    "dead-alert-30ms", "an alert behind the 220, 30 ms later, and a hello that nobody reads",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":30,"say":"\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;
    "late-454-300ms", "220 to STARTTLS, a 454 behind it 300 ms later, and no TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":300,"say":"454 4.7.0 TLS not available\r\n"}],"handshake":[{"end":"close"}]}}"#;
    "injected-300ms", "plaintext behind the 220, 300 ms later, then TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":300,"say":"250 injected\r\n"}]}}"#;
    "dead-alert-300ms", "an alert behind the 220, 300 ms later, and a hello that nobody reads",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":300,"say":"\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;
    "late-454-3s", "220 to STARTTLS, a 454 behind it 3 s later, and no TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":3000,"say":"454 4.7.0 TLS not available\r\n"}],"handshake":[{"end":"close"}]}}"#;
    "injected-3s", "plaintext behind the 220, 3 s later, then TLS",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":3000,"say":"250 injected\r\n"}]}}"#;
    "dead-alert-3s", "an alert behind the 220, 3 s later, and a hello that nobody reads",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go ahead\r\n"},{"wait_ms":3000,"say":"\u0015\u0003\u0001\u0000\u0002\u0002\u0028","end":"close"}]}}"#;

    "slow-lines-packet", "the lines of each reply apart, in the same packet",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP\r\n220 {name}\r\n"}],"ehlo":[{"say":"250-{name}\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"}]}}"#;
    "slow-lines-1ms", "the lines of each reply apart, 1 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP\r\n"},{"wait_ms":1,"say":"220 {name}\r\n"}],"ehlo":[{"say":"250-{name}\r\n250-SIZE 1000\r\n"},{"wait_ms":1,"say":"250 STARTTLS\r\n"}]}}"#;
    "slow-lines-30ms", "the lines of each reply apart, 30 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP\r\n"},{"wait_ms":30,"say":"220 {name}\r\n"}],"ehlo":[{"say":"250-{name}\r\n250-SIZE 1000\r\n"},{"wait_ms":30,"say":"250 STARTTLS\r\n"}]}}"#;
    "slow-lines-300ms", "the lines of each reply apart, 300 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP\r\n"},{"wait_ms":300,"say":"220 {name}\r\n"}],"ehlo":[{"say":"250-{name}\r\n250-SIZE 1000\r\n"},{"wait_ms":300,"say":"250 STARTTLS\r\n"}]}}"#;
    "slow-lines-3s", "the lines of each reply apart, 3 s later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220-{name} ESMTP\r\n"},{"wait_ms":3000,"say":"220 {name}\r\n"}],"ehlo":[{"say":"250-{name}\r\n250-SIZE 1000\r\n"},{"wait_ms":3000,"say":"250 STARTTLS\r\n"}]}}"#;
    "empty-line-packet", "an empty line behind the greeting, in the same packet",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n\r\n"}]}}"#;
    "empty-line-1ms", "an empty line behind the greeting, 1 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":1,"say":"\r\n"}]}}"#;
    "empty-line-30ms", "an empty line behind the greeting, 30 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":30,"say":"\r\n"}]}}"#;
    "empty-line-300ms", "an empty line behind the greeting, 300 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":300,"say":"\r\n"}]}}"#;
    "empty-line-3s", "an empty line behind the greeting, 3 s later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":3000,"say":"\r\n"}]}}"#;
    "late-421-packet", "421 behind the greeting, and closes, in the same packet",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n421 4.7.0 busy\r\n","end":"close"}]}}"#;
    "late-421-1ms", "421 behind the greeting, and closes, 1 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":1,"say":"421 4.7.0 busy\r\n","end":"close"}]}}"#;
    "late-421-30ms", "421 behind the greeting, and closes, 30 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":30,"say":"421 4.7.0 busy\r\n","end":"close"}]}}"#;
    "late-421-300ms", "421 behind the greeting, and closes, 300 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":300,"say":"421 4.7.0 busy\r\n","end":"close"}]}}"#;
    "late-421-3s", "421 behind the greeting, and closes, 3 s later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":3000,"say":"421 4.7.0 busy\r\n","end":"close"}]}}"#;
    "unread-ehlo-packet", "closes behind the greeting, with EHLO unread, in the same packet",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n","end":"close"}]}}"#;
    "unread-ehlo-1ms", "closes behind the greeting, with EHLO unread, 1 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":1,"end":"close"}]}}"#;
    "unread-ehlo-30ms", "closes behind the greeting, with EHLO unread, 30 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":30,"end":"close"}]}}"#;
    "unread-ehlo-300ms", "closes behind the greeting, with EHLO unread, 300 ms later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":300,"end":"close"}]}}"#;
    "unread-ehlo-3s", "closes behind the greeting, with EHLO unread, 3 s later",
        r#"{"tls":"valid","steps":{"banner":[{"say":"220 {name}\r\n"},{"wait_ms":3000,"end":"close"}]}}"#;
    "unread-hello-packet", "closes behind the 220 to STARTTLS, with the hello unread, in the same packet",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n","end":"close"}]}}"#;
    "unread-hello-1ms", "closes behind the 220 to STARTTLS, with the hello unread, 1 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":1,"end":"close"}]}}"#;
    "unread-hello-30ms", "closes behind the 220 to STARTTLS, with the hello unread, 30 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":30,"end":"close"}]}}"#;
    "unread-hello-300ms", "closes behind the 220 to STARTTLS, with the hello unread, 300 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":300,"end":"close"}]}}"#;
    "unread-hello-3s", "closes behind the 220 to STARTTLS, with the hello unread, 3 s later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":3000,"end":"close"}]}}"#;
    "half-ehlo-closed-packet", "closes its side behind the reply to EHLO, and reads on, in the same packet",
        r#"{"tls":"valid","steps":{"ehlo":[{"say":"250-{name}\r\n250 STARTTLS\r\n","end":"half-close"}]}}"#;
    "half-ehlo-closed-1ms", "closes its side behind the reply to EHLO, and reads on, 1 ms later",
        r#"{"tls":"valid","steps":{"ehlo":[{"say":"250-{name}\r\n250 STARTTLS\r\n"},{"wait_ms":1,"end":"half-close"}]}}"#;
    "half-ehlo-closed-30ms", "closes its side behind the reply to EHLO, and reads on, 30 ms later",
        r#"{"tls":"valid","steps":{"ehlo":[{"say":"250-{name}\r\n250 STARTTLS\r\n"},{"wait_ms":30,"end":"half-close"}]}}"#;
    "half-ehlo-closed-300ms", "closes its side behind the reply to EHLO, and reads on, 300 ms later",
        r#"{"tls":"valid","steps":{"ehlo":[{"say":"250-{name}\r\n250 STARTTLS\r\n"},{"wait_ms":300,"end":"half-close"}]}}"#;
    "half-ehlo-closed-3s", "closes its side behind the reply to EHLO, and reads on, 3 s later",
        r#"{"tls":"valid","steps":{"ehlo":[{"say":"250-{name}\r\n250 STARTTLS\r\n"},{"wait_ms":3000,"end":"half-close"}]}}"#;
    "half-220-packet", "closes its side behind the 220 to STARTTLS, and reads on, in the same packet",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n","end":"half-close"}]}}"#;
    "half-220-1ms", "closes its side behind the 220 to STARTTLS, and reads on, 1 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":1,"end":"half-close"}]}}"#;
    "half-220-30ms", "closes its side behind the 220 to STARTTLS, and reads on, 30 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":30,"end":"half-close"}]}}"#;
    "half-220-300ms", "closes its side behind the 220 to STARTTLS, and reads on, 300 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":300,"end":"half-close"}]}}"#;
    "half-220-3s", "closes its side behind the 220 to STARTTLS, and reads on, 3 s later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":3000,"end":"half-close"}]}}"#;
    "reset-220-packet", "RST behind the 220 to STARTTLS, in the same packet",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n","end":"reset"}]}}"#;
    "reset-220-1ms", "RST behind the 220 to STARTTLS, 1 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":1,"end":"reset"}]}}"#;
    "reset-220-30ms", "RST behind the 220 to STARTTLS, 30 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":30,"end":"reset"}]}}"#;
    "reset-220-300ms", "RST behind the 220 to STARTTLS, 300 ms later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":300,"end":"reset"}]}}"#;
    "reset-220-3s", "RST behind the 220 to STARTTLS, 3 s later",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 go\r\n"},{"wait_ms":3000,"end":"reset"}]}}"#;

    "reset-banner", "RST instead of a banner", r#"{"steps":{"banner":[{"end":"reset"}]}}"#;
    "reset-ehlo", "RST to EHLO", r#"{"steps":{"ehlo":[{"end":"reset"}]}}"#;
    "reset-starttls", "RST to STARTTLS", r#"{"tls":"valid","steps":{"starttls":[{"end":"reset"}]}}"#;
    "reset-handshake", "RST to the ClientHello", r#"{"tls":"valid","steps":{"handshake":[{"end":"reset"}]}}"#;
    "close-banner", "closes instead of greeting", r#"{"steps":{"banner":[{"end":"close"}]}}"#;
    "close-ehlo", "closes at EHLO", r#"{"steps":{"ehlo":[{"end":"close"}]}}"#;
    "close-starttls", "closes at STARTTLS", r#"{"tls":"valid","steps":{"starttls":[{"end":"close"}]}}"#;
    "close-220", "says 220 to STARTTLS and closes",
        r#"{"tls":"valid","steps":{"starttls":[{"say":"220 2.0.0 ready to start TLS\r\n","end":"close"}]}}"#;
    "close-handshake", "closes at the ClientHello", r#"{"tls":"valid","steps":{"handshake":[{"end":"close"}]}}"#;
    "hang-ehlo", "falls silent at EHLO", r#"{"steps":{"ehlo":[{"end":"hang"}]}}"#;
    "hang-starttls", "falls silent at STARTTLS", r#"{"tls":"valid","steps":{"starttls":[{"end":"hang"}]}}"#;
    "hang-handshake", "falls silent at the ClientHello", r#"{"tls":"valid","steps":{"handshake":[{"end":"hang"}]}}"#;
    "half-ehlo", "half a reply to EHLO, then silence", r#"{"steps":{"ehlo":[{"say":"250-{name}\r\n250-PIPE"},{"end":"hang"}]}}"#;
}
