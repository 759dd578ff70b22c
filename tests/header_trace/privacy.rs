//! No local part and no login name leaves header-trace: names planted in every place of every writer's field are in none
//! of its outputs.

use mx_survey::ndjson;
use mx_survey::received::tracer::Tracer;

use super::{mbox, trace};

/// `{L}` is a local part, `{U}` a login; both are planted.
const SHAPES: &[&str] = &[
    // Who, in comments and clauses, as each writer puts it.
    "from a.example.org (a.example.org [198.51.100.7]) (Authenticated sender: {U}) by mx.example.net (Postfix) with ESMTP id {U} for <{L}@example.net>; {D}",
    "from a.example.org (a.example.org [198.51.100.7]) (Authenticated sender: {L}@example.org) by mx.example.net (Postfix) with ESMTPA id 1; {D}",
    "by mx.example.net (Postfix, from userid {U}) id 1; {D}",
    "from {U} by mx.example.net with local (Exim 4.96) (envelope-from <{L}@example.net>) id 1p02Ic-003fT1-5B; {D}",
    "from {U} by mx.example.net with spam-scanned (Exim 4.50) id 1p02Ic-003fT1-5B; {D}",
    "from {U} by mx.example.net with esmtp (Exim 4.50) id 1p02Ic-003fT1-5B; {D}",
    "from [198.51.100.7] (port=1 helo=a.example.org ident={U}) by mx.example.net with esmtpa (Exim 4.96) (envelope-from {L}@example.net) id 1p02Ic-003fT1-5B for {L}@example.org; {D}",
    "from [198.51.100.7] (helo=a) by mx.example.net with esmtpsa [Authenticated ID ({U})] (TLS1.2) (Exim 4.93) id 1; {D}",
    "from {U} (uid 1000) (envelope-from {L}@example.net) id 220333 by laptop (DragonFly Mail Agent v0.13); {D}",
    "from {U} (uid {U}) (envelope-from {L}@example.net) id {U} by laptop (DragonFly Mail Agent v0.13); {D}",
    "(nullmailer pid 1 invoked by uid {U}); {D}",
    "(qmail 1 invoked by uid {U}); {D}",
    "(from {U}@localhost) by mx.example.net (8.15.2/8.15.2/Submit) id 1; {D}",
    "from a.example.org (IDENT:{U}@a.example.org [198.51.100.7]) by mx.example.net (8.11.6/8.11.6) with ESMTP id 1 for <{L}@example.net>; {D}",
    "from a.example.org ({U}@a.example.org [198.51.100.7]) (authenticated bits=0) (User authenticated as {U}@EXAMPLE.ORG) by mx.example.net (8.14.7/8.12.4) with ESMTP id 1; {D}",
    "from [198.51.100.7] ([198.51.100.7]) (user={U} mech=PLAIN bits=0) by mx.example.net with ESMTP id 1 (version=TLSv1.2 cipher=AES256-SHA bits=256 verify=NO); {D}",
    "from a ([198.51.100.7]) (AUTH: LOGIN {U}, TLS: TLSv1.2,128bits,AES128-SHA) by mx.example.net with ESMTPSA id 1; {D}",
    "from [198.51.100.7] (account {U} HELO a.example.org) by mx.example.net (CommuniGate Pro SMTP 6.2.0) with ESMTPSA id 1; {D}",
    "from [198.51.100.7] (account {L}@example.org HELO a.example.org) by mx.example.net (CommuniGate Pro SMTP 6.2.0) with ESMTP id 1; {D}",
    "from <{L}@example.org> by mx.example.net (CommuniGate Pro PIPE 6.2.0) with PIPE id 1; {D}",
    "from unknown (HELO a.example.org) ({U}@198.51.100.7 with login) by smtp.mail.yahoo.com with SMTP; {D}",
    "from unknown (HELO a) ({L}@example.org@198.51.100.7) by mx.example.net with SMTP; {D}",
    "from {L}@example.org by mx.example.net by uid {U} with qmail-scanner-1.20rc3 (uvscan: v4. Clear:RC:1:. Processed in 0.01 secs); {D}",
    "from 198.51.100.7 (SquirrelMail authenticated user {U}) by mx.example.net with HTTP; {D}",
    "from 1234567 named {U} by gmailapi.google.com with HTTPREST; {D}",
    "from {U} (unknown) by geopod-ismtpd-13 (SG) with HTTP id x {D}",
    "from a.example.org (198.51.100.7:4567) by mx.example.net with [XMail 1.27 ESMTP Server] id <S1> for <{L}@example.net> from <{L}@example.org>; {D}",
    "from {L}@example.org (a.example.org [198.51.100.7]) by mx.example.net with ESMTP; {D}",
    "from a.example.org ([198.51.100.7]) (authenticated user {U}) by mx.example.net (Kerio Connect 9.4.2) with ESMTPSA; {D}",
    "from a.example.org (a.example.org [198.51.100.7]) by mx.example.net (Haraka) with ESMTPSA id 1 envelope-from <{L}@example.org> (authenticated bits=0); {D}",
    "from a.example.org ([198.51.100.7]:43501 \"EHLO a.example.org\" rhost-flags-OK-OK-OK-OK) by mx.example.net with ESMTP id S1 (ORCPT <rfc822;{L}@example.net>); {D}",
    "from a.example.org (198.51.100.7) by mx.example.net (PowerMTA(TM) v4.0r6) id {U} for <{L}@example.net>; {D} (envelope-from <{L}@example.org>)",
    // The clause of the protocol holds a name.
    "from a.example.org ([198.51.100.7]) by mx.example.net with {L}@example.net ESMTP; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with {U}; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP {U} {L}@example.org; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP/{U}/{U}; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with {U} encrypted SMTP; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with Microsoft SMTPSVC({U}); {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with local-{U}; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with qmail-scanner-{U}; {D}",
    // TLS holds a name.
    "from a.example.org ([198.51.100.7]) (using TLSv1.2 with cipher {U} (256/256 bits)) by mx.example.net (Postfix) with ESMTPS; {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP (version={U} cipher={U}-SHA bits=1 verify=NO); {D}",
    "from a.example.org ([198.51.100.7]) by mx.example.net with esmtps tls {U}_A (TLS1.2:{U}__B__AES_256_GCM:256) (Exim 4.96); {D}",
    "from a.example.org ([198.51.100.7]) (Client CN \"{U}\", Issuer \"{L}@example.org\" (verified OK)) by mx.example.net (Postfix) with ESMTPS; {D}",
    // Ends hold a name.
    "from {U} ([198.51.100.7]) (user={U} mech=LOGIN) by mx.example.net with ESMTP; {D}",
    "from {U} ([198.51.100.7]) by {U} with ESMTP for <{U}@example.org>; {D}",
    "from {U} ({U} [198.51.100.7]) by mx.example.net with ESMTP for {U}+list@example.org; {D}",
    "from <{U} by {L}@example.net with SMTP; {D}",
    "by {L}@example.net with SMTP id 1; {D}",
    "from @{U} ([198.51.100.7]) by @{U} with SMTP; {D}",
    "from [{U}] by [{U}] with SMTP; {D}",
    // Not read at all: what is left of it.
    "{U} {L}@example.org id {U} user={U} <{L}@example.net> \"{U} {U}\"@example.org {U}@ {U}",
    "spam {L}@{U} @{U}:{L}@example.org {L}%{U}@example.org {U}!{L}@example.org ({U}) [{U}] {U};{U}",
    "for <{L}@example.org> id <{U}.1@example.org> {U}",
    // What else a date may hold.
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP; {U} {L}@example.org",
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP; {D} ({U}) {L}@example.org",
    "from a.example.org ([198.51.100.7]) by mx.example.net with ESMTP via {U} over {U} tls {U}; {D}",
];

const LOCAL_PARTS: &[&str] = &[
    "zqplanted",
    "zq.planted",
    "Zq.Planted",
    "zqplanted+list",
    "zq-planted",
    "zq_planted",
    "\"zq planted\"",
    "zqplanted=example.com",
    "zqpl4nted",
    "zq'planted",
];
const LOGINS: &[&str] = &[
    "zqplanted",
    "zqlogin7",
    "ZQPLANTED",
    "zq.planted",
    "ZQ-PLANTED",
    "zq_planted",
    "Zqplanted-1",
];

/// A generator of numbers that needs no crate (Marsaglia's xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    pub fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

fn planted(shape: &str, random: &mut Random) -> String {
    let (local_part, login) = (random.one_of(LOCAL_PARTS), random.one_of(LOGINS));
    let mut field = String::new();
    let mut rest = shape;
    while let Some(open) = rest.find('{') {
        field += &rest[..open];
        match &rest[open..open + 3] {
            "{L}" => field += local_part,
            "{U}" => field += login,
            _ => field += "Mon, 1 Jan 2024 00:00:00 +0000",
        }
        rest = &rest[open + 3..];
    }
    field + rest
}

/// Pieces of two fields, so that names stand where no writer would put them.
fn shuffled(random: &mut Random) -> String {
    let mut field = String::new();
    for _ in 0..2 + random.below(4) {
        let shape = planted(SHAPES[random.below(SHAPES.len())], random);
        let words: Vec<&str> = shape.split(' ').collect();
        let start = random.below(words.len());
        let end = start + random.below(words.len() - start) + 1;
        field += &words[start..end.min(words.len())].join(" ");
        field.push(' ');
    }
    field
}

fn leaks(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "zqplanted",
        "zq.planted",
        "zq-planted",
        "zq_planted",
        "zqlogin7",
        "zqpl4nted",
        "zq'planted",
        "\"zq",
        "planted",
    ]
    .iter()
    .any(|name| lower.contains(name))
}

#[test]
fn h1_no_local_part_and_no_login_leaves_in_any_field_of_any_writer() {
    let mut random = Random(0x5eed_0001);
    let mut tracer = Tracer::new("r", vec!["example.net".into()], None);
    let mut fields = 0;
    for _ in 0..60 {
        for shape in SHAPES {
            let field = planted(shape, &mut random);
            let header = format!("X: {fields}\nReceived: {field}\n");
            for hop in tracer.message(header.as_bytes()) {
                let line = String::from_utf8(ndjson::to_line(&hop)).unwrap();
                assert!(!leaks(&line), "{field}\n{line}");
            }
            fields += 1;
        }
    }
    assert!(fields > 3000);
}

#[test]
fn h1_none_leaves_the_program_either() {
    let mut random = Random(0x5eed_0002);
    let messages: Vec<String> = SHAPES
        .iter()
        .map(|shape| format!("Received: {}\nSubject: x\n", planted(shape, &mut random)))
        .collect();
    let broken = "From zqplanted@example.org\nReceived: zqplanted\n\nx\n\n";
    let input = mbox(messages.iter().map(String::as_str)) + broken;
    let ran = trace(&["--progress"], &input).expect(0);
    assert_eq!(ran.of_type("hop").len(), SHAPES.len() + 1);
    assert!(!leaks(&ran.stdout), "{}", ran.stdout);
    assert!(!leaks(&ran.stderr), "{}", ran.stderr);
    // Lines that are not understood are told by number and cause.
    let lines = "{\"zqplanted\":1}\nzqplanted@example.org\n{\"headers\":\"Received: zqplanted\"}\n{\"type\":7,\"message\":\"zqplanted\"}\n{\"headers\":[\"zqplanted\",1]}\n";
    let ran = trace(&[], lines).expect(1);
    assert!(!leaks(&ran.stdout), "{}", ran.stdout);
    assert!(!leaks(&ran.stderr), "{}", ran.stderr);
}

/// Where words of fields stand in any order, a name can stand where only a host's does; but an address's local part, and
/// what a word announces as a login, stay.
#[test]
fn h1_no_local_part_leaves_fields_in_pieces() {
    let mut random = Random(0x5eed_0003);
    let mut tracer = Tracer::new("r", Vec::new(), None);
    for number in 0..5000 {
        let field = shuffled(&mut random);
        let header = format!("X: {number}\nReceived: {field}\n");
        for hop in tracer.message(header.as_bytes()) {
            let line = String::from_utf8(ndjson::to_line(&hop))
                .unwrap()
                .to_lowercase();
            for name in [
                "zqplanted",
                "zq.planted",
                "zqpl4nted",
                "zq-planted",
                "zq_planted",
            ] {
                let is_local_part = field.to_lowercase().contains(&format!("{name}@"))
                    || field.to_lowercase().contains(&format!("user={name} "));
                assert!(
                    !is_local_part || !has_word(&line, name),
                    "{name}: {field}\n{line}"
                );
            }
        }
    }
}

/// Whether `name` is a whole name in `line`.
fn has_word(line: &str, name: &str) -> bool {
    let is_part = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    line.match_indices(name).any(|(start, _)| {
        let bytes = line.as_bytes();
        !is_part(start.checked_sub(1).and_then(|at| bytes.get(at)))
            && !is_part(bytes.get(start + name.len()))
    })
}
