//! An incident comment: a title, facts and tables, as HTML and as Markdown.

use maud::{Markup, html};
use std::fmt::Write;

/// Longest comment that a Sentinel incident takes, in characters.
///
/// <https://learn.microsoft.com/azure/sentinel/sentinel-service-limits#incident-limits>
pub const MOST_CHARS: usize = 30_000;
/// Kept free for the note of what is left out.
const NOTE_CHARS: usize = 200;
/// Longest text of a cell, in characters.
const CELL_CHARS: usize = 1_000;

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Its heading.
    pub title: String,
    /// What it says, the most important first: what is behind 30,000 characters is left out.
    pub blocks: Vec<Block>,
}

/// A piece of a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Text(Cell),
    /// Names with their values.
    Facts(Vec<(String, Cell)>),
    /// A table below a heading.
    Table {
        /// The heading.
        heading: String,
        /// Names of the columns.
        columns: Vec<String>,
        /// The rows.
        rows: Vec<Vec<Cell>>,
    },
}

/// A text, perhaps with a link. Nothing in it is taken for markup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads: `https:` only, anything else is left out.
    pub link: Option<String>,
}

impl Cell {
    /// A text.
    pub fn new(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), link: None }
    }

    /// A text that leads somewhere.
    pub fn link(text: impl Into<String>, link: impl Into<String>) -> Cell {
        Cell { text: text.into(), link: Some(link.into()) }
    }

    fn parts(&self) -> (String, Option<&str>) {
        let text: String = self.text.chars().take(CELL_CHARS).collect();
        let text = text.replace(|c: char| c.is_control(), " ");
        let link = self.link.as_deref().filter(|link| link.starts_with("https://"));
        (text, link)
    }

    fn html(&self) -> Markup {
        let (text, link) = self.parts();
        match link {
            Some(link) => html! { a href=(link) { (text) } },
            None => html! { (text) },
        }
    }

    fn markdown(&self) -> String {
        let (text, link) = self.parts();
        let text = escaped(&text);
        match link.map(|link| link.replace(['(', ')', ' ', '<', '>', '|'], "")) {
            Some(link) => format!("[{text}]({link})"),
            None => text,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::new(text)
    }
}

/// A text in which Markdown sees no markup.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|'
            | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

impl Comment {
    /// As HTML without scripts, styles and pictures, at most 30,000 characters.
    pub fn html(&self) -> String {
        let title = html! { h3 { (Cell::new(&*self.title).html()) } }.into_string();
        let note = |left| html! { p { em { (note(left)) } } }.into_string();
        let row =
            |row: &[Cell]| html! { tr { @for cell in row { td { (cell.html()) } } } }.into_string();
        self.write(title, note, |block| match block {
            Block::Text(cell) => (html! { p { (cell.html()) } }.into_string(), vec![], ""),
            Block::Facts(facts) => {
                let fact = |(name, value): &(String, Cell)| {
                    html! { li { strong { (name) } ": " (value.html()) } }.into_string()
                };
                ("<ul>".to_owned(), facts.iter().map(fact).collect(), "</ul>")
            }
            Block::Table { heading, columns, rows } => {
                let head = html! {
                    h4 { (Cell::new(&**heading).html()) }
                };
                let names = html! { tr { @for name in columns { th { (name) } } } };
                let head = format!("{}<table>{}", head.into_string(), names.into_string());
                (head, rows.iter().map(|cells| row(cells)).collect(), "</table>")
            }
        })
    }

    /// As Markdown, at most 30,000 characters.
    pub fn markdown(&self) -> String {
        let title = format!("### {}\n", Cell::new(&*self.title).markdown());
        let note = |left| format!("\n*{}*\n", note(left));
        let row = |row: &[Cell]| {
            let cells: Vec<_> = row.iter().map(Cell::markdown).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        self.write(title, note, |block| match block {
            Block::Text(cell) => (format!("\n{}\n", cell.markdown()), vec![], ""),
            Block::Facts(facts) => {
                let fact = |(name, value): &(String, Cell)| {
                    format!("- **{}**: {}\n", escaped(name), value.markdown())
                };
                ("\n".to_owned(), facts.iter().map(fact).collect(), "")
            }
            Block::Table { heading, columns, rows } => {
                let mut head = format!("\n#### {}\n\n", escaped(heading));
                let names: Vec<Cell> = columns.iter().map(|name| Cell::new(&**name)).collect();
                head.push_str(&row(&names));
                let _ = writeln!(head, "|{}", " --- |".repeat(columns.len()));
                (head, rows.iter().map(|cells| row(cells)).collect(), "")
            }
        })
    }

    /// Puts pieces together as long as they fit: of each block its beginning, its items and its end.
    fn write(
        &self,
        title: String,
        note: impl Fn(usize) -> String,
        pieces: impl Fn(&Block) -> (String, Vec<String>, &'static str),
    ) -> String {
        let mut text = title;
        let mut chars = text.chars().count();
        let mut left = 0;
        for block in &self.blocks {
            let (head, items, tail) = pieces(block);
            let frame = head.chars().count() + tail.len();
            let first = items.first().map_or(0, |item| item.chars().count());
            if left > 0 || chars + frame + first > MOST_CHARS - NOTE_CHARS {
                left += items.len().max(1);
                continue;
            }
            text.push_str(&head);
            chars += frame;
            for item in items {
                let length = item.chars().count();
                if left > 0 || chars + length > MOST_CHARS - NOTE_CHARS {
                    left += 1;
                    continue;
                }
                text.push_str(&item);
                chars += length;
            }
            text.push_str(tail);
        }
        if left > 0 {
            text.push_str(&note(left));
        }
        text
    }
}

fn note(left: usize) -> String {
    format!("{left} more are left out: a comment has 30,000 characters at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> Comment {
        let evil = "<script>alert(1)</script> [x](javascript:y) | \n# z";
        Comment {
            title: evil.to_owned(),
            blocks: vec![
                Block::Text(Cell::link(evil, "javascript:alert(1)")),
                Block::Facts(vec![(evil.to_owned(), Cell::link("ok", "https://a.example/?q=\"<"))]),
                Block::Table {
                    heading: evil.to_owned(),
                    columns: vec!["a".to_owned(), "b".to_owned()],
                    rows: vec![vec![evil.into(), Cell::default()]],
                },
            ],
        }
    }

    #[test]
    fn hostile_text_is_no_markup() {
        let (html, markdown) = (hostile().html(), hostile().markdown());

        assert!(!html.contains("<script") && !html.contains("href=\"javascript"), "{html}");
        assert!(html.contains("href=\"https://a.example/?q=&quot;&lt;\""), "{html}");
        assert!(!markdown.contains("<script") && !markdown.contains("[x]("), "{markdown}");
        assert_eq!(markdown.lines().filter(|line| line.starts_with('#')).count(), 2, "{markdown}");
    }

    #[test]
    fn what_does_not_fit_is_counted_and_left_out() {
        let rows = |count: usize| {
            let row = |index: usize| vec![Cell::new(format!("row {index}")), "é".repeat(40).into()];
            (0..count).map(row).collect()
        };
        let table = |count| Block::Table {
            heading: "Rows".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: rows(count),
        };
        let long = Comment { title: "t".to_owned(), blocks: vec![table(2_000), table(7)] };
        let short = Comment { title: "t".to_owned(), blocks: vec![table(3)] };

        for text in [long.html(), long.markdown()] {
            let shown = text.matches("row ").count();
            let chars = text.chars().count();
            assert!(chars <= MOST_CHARS && chars > 29_000, "{chars}");
            assert!(text.contains(&format!("{} more are left out", 2_007 - shown)), "{shown}");
        }
        assert!(long.html().contains("</table><p>"));
        assert!(!short.html().contains("left out") && !short.markdown().contains("left out"));
    }
}
