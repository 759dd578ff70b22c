//! A table as Markdown (GitHub Flavored Markdown, "Tables"), for a ticket. What stands in a cell is text and nothing else:
//! neither markup, nor a link, nor a name that somebody is called by.

use std::io::{self, Write};

use super::table::Table;
use crate::store::printable;

/// Writes a table with its heading.
///
/// # Errors
///
/// Where it cannot be written.
pub fn markdown(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    writeln!(out, "## {}\n", escaped(&table.title))?;
    writeln!(out, "{}\n", escaped(&table.note))?;
    if table.is_empty() {
        return writeln!(out, "Nothing of this kind is in the survey.\n");
    }
    let row = |out: &mut dyn Write, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        writeln!(out, "| {} |", cells.join(" | "))
    };
    let labels = table.columns.iter().map(|column| escaped(&column.label));
    row(out, &mut labels.into_iter())?;
    let rules = table.numeric().into_iter();
    let rules = rules.map(|right| if right { "---:" } else { "---" }.to_owned());
    row(out, &mut rules.into_iter())?;
    for cells in table.each_row() {
        row(out, &mut cells.iter().map(|cell| escaped(&cell.shown())))?;
    }
    writeln!(out)
}

/// Text that Markdown reads as text.
pub fn escaped(text: &str) -> String {
    const MARKS: &str = "\\`*_{}[]()#+!|~";
    let mut safe = String::with_capacity(text.len());
    // A break would end the row.
    let text = text.replace(['\n', '\r', '\t'], " ");
    for letter in printable(&text).chars() {
        match letter {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            // Nobody is called, and nothing is linked.
            '@' => safe += "&#64;",
            ':' => safe += "&#58;",
            mark if MARKS.contains(mark) => {
                safe.push('\\');
                safe.push(mark);
            }
            letter => safe.push(letter),
        }
    }
    safe.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_and_nothing_else() {
        assert_eq!(
            escaped("a|b *c* [d](http://e) <i> @team www.f\n`g`"),
            "a\\|b \\*c\\* \\[d\\]\\(http&#58;//e\\) &lt;i&gt; &#64;team www&#46;f \\`g\\`"
        );
        let mut table = Table::new("t", "T", "Note.").columns([("a", "A"), ("n", "N")]);
        table.row(["x|y".into(), 1234u64.into()]);
        let mut out = Vec::new();
        markdown(&mut out, &table).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "## T\n\nNote.\n\n| A | N |\n| --- | ---: |\n| x\\|y | 1,234 |\n\n"
        );
    }
}
