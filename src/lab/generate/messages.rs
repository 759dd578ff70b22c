//! The study's figure 6 as 42 messages between seven providers, with the Received fields that their receivers wrote in
//! 2014.

use std::io::Write;

use anyhow::Context;
use serde_json::{Map, Value};

const DATA: &str = include_str!("../../../data/study-2014.json");

/// Writes the messages, in the mbox format.
pub fn make(out: &mut impl Write) -> anyhow::Result<()> {
    let study: Value = serde_json::from_str(DATA).context("data/study-2014.json")?;
    let object = |value: &Value| -> anyhow::Result<Map<String, Value>> {
        value.as_object().cloned().context("no such figure")
    };
    for (sender, receivers) in &object(&study["figure6_from_to"])? {
        for (receiver, cell) in &object(receivers)? {
            let cell = cell.as_str().context("a cell is text")?;
            let field = field(sender, receiver, cell)?;
            write!(out, "{}", message(sender, receiver, &field))?;
        }
    }
    Ok(())
}

/// What stands around the hop that counts: the web mail before it, a filter and the mailbox after it.
fn message(sender: &str, receiver: &str, field: &str) -> String {
    format!(
        "From u@{sender} Tue Mar 18 20:58:40 2014\n\
         Return-Path: <u@{sender}>\n\
         Received: from localhost (localhost [127.0.0.1]) by box (amavisd-new, port 10024) with LMTP id 3; Tue, 18 Mar 2014 20:58:40 -0400\n\
         Received: {field}\n\
         Received: from [10.1.2.3] ([10.1.2.3]) by smtp.{sender} with ESMTPSA id 7; Tue, 18 Mar 2014 20:58:30 -0400\n\
         Received: from [198.51.100.9] by web1.{sender} via HTTP; Tue, 18 Mar 2014 20:58:29 -0400\n\
         From: <u@{sender}>\n\
         To: <someone@{receiver}>\n\
         Subject: hello\n\n\
         hello\n\n"
    )
}

/// Senders' hosts are called otherwise than their users' domains.
fn host(sender: &str) -> anyhow::Result<&'static str> {
    Ok(match sender {
        "hotmail.com" => "snt0-omc1-s1.snt0.hotmail.com",
        "gmail.com" => "mail-qv1-f41.google.com",
        "yahoo.com" => "nm1-vm0.bullet.mail.bf1.yahoo.com",
        "aol.com" => "omr-d03.mx.aol.com",
        "web.de" => "mout.web.de",
        "gmx.de" => "mout.gmx.net",
        "mail.ru" => "f1.i.mail.ru",
        other => anyhow::bail!("no template for {other}"),
    })
}

/// How the receiver wrote: in clear, or under the version that the cell names.
fn field(sender: &str, receiver: &str, cell: &str) -> anyhow::Result<String> {
    let host = host(sender)?;
    let (ip, date) = ("203.0.113.19", "Tue, 18 Mar 2014 20:58:36 -0400 (EDT)");
    let to = format!("<someone@{receiver}>");
    let is_version = cell.starts_with("TLS");
    Ok(match receiver {
        "hotmail.com" => format!(
            "from {host} ([{ip}]) by BAY0-MC1-F1.Bay0.hotmail.com with Microsoft SMTPSVC(7.5.7601.22678);\n\t{date}"
        ),
        "gmail.com" if is_version => {
            let version = cell.replace("v1.2", "1_2");
            format!(
                "from {host} ({host}. [{ip}])\n\tby mx.google.com with ESMTPS id e1si2 for {to}\n\t(version={version} cipher=ECDHE-RSA-RC4-SHA bits=128/128);\n\t{date}"
            )
        }
        "gmail.com" => format!(
            "from {host} ({host}. [{ip}])\n\tby mx.google.com with {cell} id e1si2\n\tfor {to};\n\t{date}"
        ),
        "yahoo.com" => format!(
            "from 127.0.0.1  (EHLO {host}) ({ip})\n  by mta1001.mail.bf1.yahoo.com with {cell}; {date}"
        ),
        "aol.com" => {
            let (comments, with) = match is_version {
                true => (
                    format!(
                        "\t(using {cell} with cipher DHE-RSA-AES128-SHA (128/128 bits))\n\t(No client certificate requested)\n"
                    ),
                    "ESMTPS",
                ),
                false => (String::new(), "ESMTP"),
            };
            format!(
                "from {host} ({host} [{ip}])\n{comments}\tby mtain-dk12.r1000.mx.aol.com (Internet Inbound) with {with}\n\tid 264DF38000098 for {to}; {date}"
            )
        }
        "web.de" | "gmx.de" => {
            let by = match receiver {
                "web.de" => "mx-ha.web.de (mxweb006)",
                _ => "mx-ha.gmx.net (mxgmx006)",
            };
            format!(
                "from {host} ([{ip}]) by {by} with {cell} (Nemesis)\n id 0LrIXm-1 for {to}; {date}"
            )
        }
        "mail.ru" => format!(
            "from [{ip}] (port=57416 helo={host})\n\tby mx36.mail.ru with {}\n\t(envelope-from <u@{sender}>) id 1WPx2B-0001Ab-SK; {date}",
            cell.to_lowercase()
        ),
        other => anyhow::bail!("no template for {other}"),
    })
}
