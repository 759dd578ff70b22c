//! What the head of an input says about its format, where the user does not: from the shape of the records, a header, and
//! where most lines have an address. And what cannot be read at all.

use crate::ndjson::magic::foreign;

use super::delimited::Delimited;
use super::format::{FoundFormat, Layout, LeakFormat, Unreadable, Wish};
use super::json::Json;
use super::sample::{SEPARATORS, Sample};

/// How to read an input that begins with `head`, or is `head` if `is_all`.
pub fn find(head: &[u8], is_all: bool, wish: &Wish) -> Result<FoundFormat, Unreadable> {
    if let Some(foreign) = foreign(head) {
        return Err(foreign.into());
    }
    let mark = if head.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let sample = Sample::new(&head[mark..], is_all);
    let format = match wish.format {
        Some(format) => format,
        None => guess(&sample, wish)?,
    };
    let mut found = match format {
        LeakFormat::Adobe => {
            FoundFormat::new(Layout::Delimited(Delimited::adobe()), "adobe".to_owned())
        }
        LeakFormat::Gawker => sample.delimited("gawker", b":::", wish, 2)?,
        LeakFormat::Combo => sample.combo(wish)?,
        LeakFormat::Url => FoundFormat::new(
            Layout::Delimited(Delimited::url()),
            "url:address:password".to_owned(),
        ),
        LeakFormat::Tsv => sample.table(wish.separator.unwrap_or(b'\t'), wish, "tsv")?,
        LeakFormat::Csv => sample.table(sample.csv_delimiter(wish), wish, "csv")?,
        LeakFormat::Json => {
            let field = sample.json_field(wish).ok_or(Unreadable::NoField)?;
            FoundFormat::new(
                Layout::Json(Json::new(field.as_bytes())),
                format!("json, field {field}"),
            )
        }
        LeakFormat::Plain => FoundFormat::new(
            Layout::Delimited(Delimited::new(b"", 0)),
            "plain".to_owned(),
        ),
        LeakFormat::Any => FoundFormat::new(Layout::Any, "any".to_owned()),
    };
    found.skipped += mark;
    Ok(found)
}

fn guess(sample: &Sample<'_>, wish: &Wish) -> Result<LeakFormat, Unreadable> {
    let adobe = Delimited::adobe();
    let many = sample.lines.len().div_ceil(4);
    if sample.lines.is_empty() {
        return Ok(LeakFormat::Plain);
    }
    // These are known by their shape: many records of theirs have no address. Hints put other lines between.
    if sample.count(|line| adobe.field(line).is_ok()) >= many {
        return Ok(LeakFormat::Adobe);
    }
    if sample.count(|line| memchr::memmem::find(line, b":::").is_some())
        >= sample.lines.len().div_ceil(2)
    {
        return Ok(LeakFormat::Gawker);
    }
    // Rows of a dump stand many on a line: a column of its lines would miss all but one.
    if sample.text.split(|&byte| byte == b'\n').any(is_insert) {
        return Ok(LeakFormat::Any);
    }
    let first = sample.text.trim_ascii_start();
    if first.starts_with(b"{") || first.starts_with(b"[") {
        if sample.json_field(wish).is_some() {
            return Ok(LeakFormat::Json);
        }
        if first[1..].trim_ascii_start().starts_with(b"\"") && first[0] == b'{' {
            return Err(Unreadable::NoField);
        }
    }
    if sample.lines[0].contains(&b'\t') && sample.header_delimiter(b'\t', wish) {
        return Ok(LeakFormat::Tsv);
    }
    if SEPARATORS[..5]
        .iter()
        .any(|&separator| sample.header_delimiter(separator, wish))
    {
        return Ok(LeakFormat::Csv);
    }
    if sample.has_urls() && wish.column.is_none() && wish.separator.is_none() {
        return Ok(LeakFormat::Url);
    }
    let plain = sample.addresses(&Delimited::new(b"", 0));
    let combo = sample.best_combo(wish, &SEPARATORS);
    match combo {
        Some(best) if best.addresses > plain && best.addresses >= many => {
            Ok(match best.separator {
                b',' => LeakFormat::Csv,
                b'\t' => LeakFormat::Tsv,
                _ => LeakFormat::Combo,
            })
        }
        _ if plain >= many => Ok(LeakFormat::Plain),
        _ if sample.has_address() => Ok(LeakFormat::Any),
        _ => Err(Unreadable::NoFormat),
    }
}

fn is_insert(line: &[u8]) -> bool {
    const INSERT: &[u8] = b"insert into ";
    line.get(..INSERT.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(INSERT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ndjson::magic::Foreign;

    fn wish(format: Option<LeakFormat>, column: &str, separator: &[u8]) -> Wish {
        Wish {
            format,
            column: column.parse().ok(),
            separator: separator.first().copied(),
        }
    }

    fn found(text: &[u8], wish: &Wish) -> Result<(String, u64), Unreadable> {
        find(text, true, wish).map(|found| (found.description, found.headers))
    }

    #[test]
    fn formats_are_known_by_their_lines() {
        let guessed = Wish::default();
        for (text, description, headers) in [
            (
                &b"1-|--|-a@example.org-|-x-|-|--\n2-|--|--|-x-|-hint\nand more|--\n\nmore|--\n"[..],
                "adobe",
                0,
            ),
            (
                b"name:::hash:::a@example.org\nname:::hash:::NULL\nname:::hash:::\n",
                "gawker, column 3",
                0,
            ),
            (b"a@example.org:::hash:::name\n", "gawker, column 1", 0),
            (
                b"a@example.org:p@ss.word\nb@example.org:x;y\n",
                "combo with ':', column 1",
                0,
            ),
            (
                b"name:a@example.org:x\nname:b@example.org:y\n",
                "combo with ':', column 2",
                0,
            ),
            (
                b"a@example.org:x\nb@example.org;y\nc@example.org|z\n",
                "combo with ':', ';' or '|', column 1",
                0,
            ),
            (
                b"n:a@example.org:x\nn;b@example.org;y\nn|c@example.org|z\n",
                "combo with ':', ';' or '|', column 2",
                0,
            ),
            (
                b"https://h/x:a@example.org:p\nhttps://h:80/x:name:p\n",
                "url:address:password",
                0,
            ),
            (b"a@example.org;x\n", "combo with ';', column 1", 0),
            (b"a@example.org|x\n", "combo with '|', column 1", 0),
            (b"a@example.org x y\n", "combo with space, column 1", 0),
            (b"1\ta@example.org\tx\n", "tsv, column 2", 0),
            (
                b"id\tMail\tx\n1\ta@example.org\tx\n",
                "tsv, column 2 (mail)",
                1,
            ),
            (
                b"\xef\xbb\xbf\"E-Mail\",name\r\n\"a@example.org\",x\r\n",
                "csv with ',', column 1 (e-mail)",
                0,
            ),
            (
                b"id;user_email;x\n1;a@example.org;x\n",
                "csv with ';', column 2 (user_email)",
                0,
            ),
            (
                b"1,\"a@example.org\",x\n2,\"b@example.org\",x\n",
                "csv with ',', column 2",
                0,
            ),
            (
                b"email\na@example.org\n",
                "csv with ',', column 1 (email)",
                0,
            ),
            (
                b"{\"id\":1,\"email\":\"a@example.org\"}\n",
                "json, field email",
                0,
            ),
            (
                b"[{\"id\":1,\"userEmail\":\"a@example.org\"}]",
                "json, field useremail",
                0,
            ),
            (b"a@example.org\nnobody\n\n", "plain", 0),
            (
                b"INSERT INTO t VALUES (1,'a@example.org','x'),(2,'b@example.org','y');\n",
                "any",
                0,
            ),
            (b"", "plain", 0),
            (b"\n\n", "plain", 0),
        ] {
            let told = String::from_utf8_lossy(text);
            assert_eq!(
                found(text, &guessed),
                Ok((description.to_owned(), headers)),
                "{told}"
            );
        }
    }

    #[test]
    fn what_the_user_says_holds() {
        for (text, wish, description) in [
            (
                &b"x@y.org;a@example.org\n"[..],
                wish(Some(LeakFormat::Combo), "2", b";"),
                "combo with ';', column 2",
            ),
            (
                b"who;where\nx;a@example.org\n",
                wish(None, "where", b""),
                "csv with ';', column 2",
            ),
            (
                b"who,where\nx,a@example.org\n",
                wish(Some(LeakFormat::Csv), "2", b""),
                "csv with ',', column 2",
            ),
            (
                b"nothing here\n",
                wish(Some(LeakFormat::Plain), "", b""),
                "plain",
            ),
            (
                b"{\"where\":\"a@example.org\"}\n",
                wish(None, "where", b""),
                "json, field where",
            ),
            (
                b"1:::2\n",
                wish(Some(LeakFormat::Gawker), "", b""),
                "gawker, column 3",
            ),
        ] {
            let told = String::from_utf8_lossy(text);
            assert_eq!(
                found(text, &wish).map(|found| found.0).as_deref(),
                Ok(description),
                "{told}"
            );
        }
    }

    #[test]
    fn names_out_of_a_list_are_not_shown() {
        let text = b"secret@example.org,other@example.org\na@example.org,b@example.org\n";
        assert_eq!(
            found(text, &Wish::default()),
            Ok(("csv with ',', column 1".to_owned(), 0))
        );
        let text = b"{\"secret@example.org\":\"a@example.org\"}\n";
        assert_eq!(found(text, &Wish::default()), Err(Unreadable::NoField));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let utf16: Vec<u8> = "a@example.org\nb@example.org\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked: Vec<u8> = "\u{feff}x"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        for text in [&utf16, &marked] {
            assert_eq!(found(text, &Wish::default()), Err(Foreign::Utf16.into()));
        }
        let gzip = found(b"\x1f\x8b\x08\0", &wish(Some(LeakFormat::Plain), "", b"")).unwrap_err();
        assert!(gzip.to_string().contains("zcat"), "{gzip}");
        let zstd = found(b"\x28\xb5\x2f\xfd\0", &Wish::default()).unwrap_err();
        assert!(zstd.to_string().contains("zstdcat"), "{zstd}");
        assert_eq!(
            found(b"one\ntwo\n", &Wish::default()),
            Err(Unreadable::NoFormat)
        );
        assert_eq!(
            found(b"one,two\n1,2\n", &wish(None, "three", b",")),
            Err(Unreadable::NoFormat)
        );
        assert_eq!(
            found(
                b"one,two\n1,2\n",
                &wish(Some(LeakFormat::Csv), "three", b"")
            ),
            Err(Unreadable::NoColumn)
        );
        assert_eq!(
            found(b"{\"a\":1}\n", &Wish::default()),
            Err(Unreadable::NoField)
        );
    }
}
