//! The page: one HTML file that needs nothing else. Everything from the network is escaped by maud, and a content
//! security policy lets nothing run but the sorting script, and nothing leave.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::chart::{self, Chart};
use super::summary::PageSummary;
use super::table::{Cell, Table};
use crate::store::printable;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Cards by domain.
pub type Cards = BTreeMap<String, Vec<String>>;

/// The page of a survey, with the cards of domains that its tables name.
pub fn page(summary: &PageSummary, tables: &[Table], cards: &Cards) -> String {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                title { "How mail travels: " (summary.title()) }
                style { (PreEscaped(chart::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "How mail travels" }
                    @if let Some(band) = summary.band() { p.band role="note" { (band) } }
                    p.about { (safe(&summary.about())) }
                    @for caution in summary.cautions() { p.caution { (caution) } }
                    div.tiles {
                        @for tile in &summary.tiles {
                            div.tile {
                                b { (tile.value) }
                                span { (safe(&tile.label)) }
                                small { (safe(&tile.detail)) }
                            }
                        }
                    }
                    @if tables.len() > 1 {
                        nav aria-label="Contents" {
                            @for table in tables { a href=(format!("#{}", table.name)) { (table.title) } }
                            @if !cards.is_empty() { a href="#domains" { "Domains" } }
                        }
                    }
                }
                main {
                    @for table in tables { (section(table, cards)) }
                    @if !cards.is_empty() { (domains(cards)) }
                }
                footer {
                    p {
                        "Unknown is not no: every percentage is of what was learned, and the unknown stands beside it. "
                        "Made by mx-survey " (env!("CARGO_PKG_VERSION")) ". Columns sort by a click on their headings; "
                        "values of the charts show on hover and stand in the tables."
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn section(table: &Table, cards: &Cards) -> Markup {
    html! {
        section id=(table.name) {
            h2 { (table.title) }
            p.note { (safe(&table.note)) }
            @if let Some(chart) = &table.chart {
                div.panels {
                    @for panel in chart.panels() {
                        div {
                            @if !panel.title.is_empty() { h3 { (safe(&panel.title)) } }
                            svg role="img" aria-label=(format!("{} {}", table.title, safe(&panel.title))) height=(panel.height) { (panel.body) }
                        }
                    }
                }
                (key(chart))
            }
            @if table.is_empty() {
                p { "Nothing of this kind is in the survey." }
            } @else {
                (rows(table, cards))
            }
        }
    }
}

/// What is known of the domains that the tables name.
fn domains(cards: &Cards) -> Markup {
    html! {
        section id="domains" {
            h2 { "Domains" }
            p.note { "The evidence behind the domains that the tables name, and the commands that show it again." }
            @for (domain, card) in cards {
                details id=(anchor(domain)) {
                    summary { (safe(domain)) }
                    pre { (card.iter().skip(1).map(|line| safe(line) + "\n").collect::<String>()) }
                }
            }
        }
    }
}

fn anchor(domain: &str) -> String {
    format!("domain-{}", safe(domain))
}

fn key(chart: &Chart) -> Markup {
    let (truths, before) = match chart {
        Chart::Stacks(stacks) => (true, stacks.iter().any(|stack| stack.before.is_some())),
        Chart::Bars { bars, .. } => (
            bars.iter().any(|bar| bar.truth.is_some()),
            bars.iter().any(|bar| bar.before.is_some()),
        ),
        Chart::Lines { .. } | Chart::Figures(_) | Chart::Pie(_) | Chart::Timelines(_) => {
            (false, false)
        }
        Chart::Columns(columns) => (false, columns.iter().any(|column| column.before.is_some())),
        Chart::Matrix(_) => (true, false),
    };
    html! {
        @if truths || before {
            div.key {
                @if truths {
                    @for word in ["yes", "mixed", "no", "unknown"] { span { i class=(word) {} (word) } }
                }
                @if before { span { i.before {} "2014" } }
            }
        }
    }
}

fn rows(table: &Table, cards: &Cards) -> Markup {
    let numeric = table.numeric();
    // Sentences want all the height that they need.
    let is_sentence = |cell: &Cell| match cell {
        Cell::Text(text) => text.chars().count() > 150,
        _ => false,
    };
    let is_of_words = table.each_row().any(|row| row.iter().any(is_sentence));
    html! {
        div class=(if is_of_words { "table words" } else { "table" }) tabindex="0" role="region" aria-label=(table.title) {
            table {
                thead {
                    tr {
                        @for (column, number) in table.columns.iter().zip(&numeric) {
                            th scope="col" aria-sort="none" class=(if *number { "number" } else { "text" }) {
                                button type="button" { (safe(&column.label)) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in table.each_row() {
                        tr { @for (cell, number) in row.iter().zip(&numeric) { (data(cell, *number, cards)) } }
                    }
                }
            }
        }
    }
}

fn data(cell: &Cell, number: bool, cards: &Cards) -> Markup {
    let value = match cell {
        Cell::Count(count) => Some(count.to_string()),
        Cell::Fraction(value) | Cell::Percent(value) | Cell::Difference(value) => {
            Some(format!("{value:.6}"))
        }
        Cell::Null | Cell::Text(_) => None,
    };
    let class = match cell {
        _ if number => "number",
        Cell::Text(text) if matches!(text.as_str(), "yes" | "no" | "mixed" | "unknown") => {
            text.as_str()
        }
        // Long text wraps anywhere; short text is one word, as it were.
        Cell::Text(text) if text.chars().count() > 44 => "long",
        _ => "text",
    };
    let card = match cell {
        Cell::Text(text) if cards.contains_key(text) => Some(format!("#{}", anchor(text))),
        _ => None,
    };
    html! {
        td class=(class) data-value=[value] {
            @match card {
                Some(card) => a href=(card) { (safe(&cell.shown())) },
                None => (safe(&cell.shown())),
            }
        }
    }
}

/// Bidirectional controls and the like could make text read otherwise than it is.
fn safe(text: &str) -> String {
    printable(text)
}
