//! A table as text, CSV, JSON and NDJSON.

use std::io::{self, Write};

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr as _;

use super::table::{Cell, Table};
use crate::store::{printable, to_json};

/// A cell of so many characters makes a table of sentences, which is set row by row.
const LONG: usize = 100;

/// For a terminal or a mail: columns aligned, nothing raw from the network.
pub fn text(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    writeln!(out, "{}", printable(&table.title).to_uppercase())?;
    for line in wrapped(&printable(&table.note), 100) {
        writeln!(out, "  {line}")?;
    }
    let shown = || {
        let shown = |cell: &Cell| printable(&cell.shown());
        table
            .each_row()
            .map(move |row| row.iter().map(shown).collect::<Vec<_>>())
    };
    let mut widths: Vec<usize> = (table.columns.iter())
        .map(|column| printable(&column.label).width())
        .collect();
    for row in shown() {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.width());
        }
    }
    if widths.iter().any(|&width| width > LONG) {
        return blocks(out, table, shown());
    }
    let numeric = table.numeric();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| -> io::Result<()> {
        let mut text = String::new();
        for ((cell, &width), &right) in cells.zip(&widths).zip(&numeric) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            text += "  ";
            text += &if right {
                pad + cell
            } else {
                cell.to_owned() + &pad
            };
        }
        writeln!(out, "{}", text.trim_end())
    };
    let labels: Vec<String> = table
        .columns
        .iter()
        .map(|column| printable(&column.label))
        .collect();
    line(&mut labels.iter().map(String::as_str))?;
    for row in shown() {
        line(&mut row.iter().map(String::as_str))?;
    }
    writeln!(out)
}

/// Each row as a block: a line for each column that says something, or several.
fn blocks(
    out: &mut dyn Write,
    table: &Table,
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let labels = table.columns.iter().map(|column| printable(&column.label));
    let labels: Vec<String> = labels.collect();
    let width = labels.iter().map(|label| label.width()).max();
    let width = width.unwrap_or(0);
    for row in rows {
        writeln!(out)?;
        for (label, cell) in labels.iter().zip(&row).filter(|(_, cell)| !cell.is_empty()) {
            for (at, line) in wrapped(cell, 100 - width).iter().enumerate() {
                let label = if at == 0 { label } else { "" };
                let pad = " ".repeat(width - label.width());
                writeln!(out, "  {label}{pad}  {line}")?;
            }
        }
    }
    writeln!(out)
}

/// The words of a text, set in lines of so many columns.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// RFC 4180, with a heading; several tables are apart by an empty line. A cell that a spreadsheet would take for a
/// formula begins with an apostrophe.
pub fn csv(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(&mut *out);
    let failed = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    };
    let keys = table.columns.iter().map(|column| harmless(&column.key));
    writer.write_record(keys).map_err(failed)?;
    for row in table.each_row() {
        let cells = row.iter().map(|cell| match cell {
            Cell::Null => String::new(),
            Cell::Text(text) => harmless(text),
            Cell::Count(count) => count.to_string(),
            Cell::Fraction(number) => format!("{number:.4}"),
            Cell::Percent(percent) => format!("{percent:.4}"),
            Cell::Difference(points) => format!("{points:.4}"),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer.flush()
}

/// No formula (OWASP, "CSV Injection").
fn harmless(text: &str) -> String {
    let text = printable(text);
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text,
    }
}

/// One object with all tables: each with its heading and its rows as objects.
pub fn json(out: &mut dyn Write, tables: &[Table]) -> io::Result<()> {
    let write = |out: &mut dyn Write, value: &Value| -> io::Result<()> {
        out.write_all(&to_json(value).map_err(io::Error::other)?)
    };
    out.write_all(b"{\"tables\":[")?;
    for (at, table) in tables.iter().enumerate() {
        let columns = table.columns.iter().map(|column| column.key.as_str());
        out.write_all(if at > 0 {
            b",{\"columns\":"
        } else {
            b"{\"columns\":"
        })?;
        write(out, &columns.collect())?;
        for (key, text) in [
            ("note", table.note.as_str()),
            ("table", table.name),
            ("title", table.title.as_str()),
        ] {
            write!(out, ",\"{key}\":")?;
            write(out, &text.into())?;
        }
        out.write_all(b",\"rows\":[")?;
        for (at, row) in table.each_row().enumerate() {
            out.write_all(if at > 0 { b"," } else { b"" })?;
            write(out, &object(table, &row).into())?;
        }
        out.write_all(b"]}")?;
    }
    out.write_all(b"]}\n")
}

/// Each row as an object on a line.
pub fn ndjson(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    for cells in table.each_row() {
        let mut row = Map::new();
        row.insert("table".to_owned(), table.name.into());
        row.extend(object(table, &cells));
        write_json(out, &Value::Object(row))?;
    }
    Ok(())
}

/// A JSON value on a line, without raw controls.
pub fn write_json(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    out.write_all(&to_json(value).map_err(io::Error::other)?)?;
    out.write_all(b"\n")
}

fn object(table: &Table, row: &[Cell]) -> Map<String, Value> {
    let cells = row.iter().map(|cell| match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => text.as_str().into(),
        Cell::Count(count) => (*count).into(),
        Cell::Fraction(number) | Cell::Percent(number) | Cell::Difference(number) => {
            ((number * 1e4).round() / 1e4).into()
        }
    });
    let keys = table.columns.iter().map(|column| column.key.clone());
    keys.zip(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        let mut table = Table::new("t", "A table", "Two columns.")
            .columns([("text", "Text"), ("count", "Count")]);
        table.row([text.into(), Cell::Count(1234)]);
        table
    }

    fn written(write: impl Fn(&mut dyn Write, &Table) -> io::Result<()>, text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, &table(text)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn r11_a_wide_character_takes_two_columns() {
        let mut table = table("\u{4f8b}\u{3048}");
        table.row(["ab".into(), Cell::Count(1)]);
        let mut out = Vec::new();
        text(&mut out, &table).unwrap();
        let text = String::from_utf8(out).unwrap();
        let ends: Vec<usize> = text.lines().skip(2).map(|line| line.width()).collect();
        assert_eq!(ends[..3], [ends[0]; 3], "{text}");
    }

    #[test]
    fn a_spreadsheet_finds_no_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            let text = written(csv, cell);
            assert!(text.contains(&format!("\n'{cell}")), "{text}");
        }
        // Tab and carriage return are escaped before, so that nothing hides behind them.
        assert!(written(csv, "\t=1").contains("\\u{9}=1"));
        assert!(written(csv, "a\"b,c").contains("\"a\"\"b,c\""));
    }

    #[test]
    fn a_terminal_obeys_nothing_from_the_network() {
        let text = written(self::text, "\u{1b}[31mred\u{202e}");
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
        assert!(text.contains("1,234"));
        let text = written(ndjson, "\u{1b}[31m\u{9b}");
        assert!(text.contains("\\u001b[31m\\u009b"), "{text}");
    }
}
