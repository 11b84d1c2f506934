//! Lists: pages with a token for the next one, and rows for spreadsheets.

use super::{Answer, Block, Call, Cell, Comment, Form, Shown};
use crate::host::Problem;
use crate::summary::Listed;
use azure_core::http::Url;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Items of a page where the caller says nothing, and the most that it may ask for.
const DEFAULT_TOP: usize = 100;
const MOST_TOP: usize = 1_000;
/// Rows of one CSV answer at most.
const MOST_ROWS: usize = 10_000;
/// Rows that a comment shows at most, and columns, the first ones: a comment is a narrow place.
const COMMENT_ROWS: usize = 50;
const COMMENT_COLUMNS: usize = 8;

/// A column of a list: its name for people, and where its value is in an item, fields joined by dots.
#[derive(Clone, Copy, Debug)]
pub struct Column(pub &'static str, pub &'static str);

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// When what it shows was collected; absent where that differs from item to item.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub collected: Option<Timestamp>,
    /// Whether that is longer ago than two intervals of its source and an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<bool>,
    /// What the list leaves out, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Items over all pages.
    pub total: usize,
    /// The items of this page.
    pub value: Vec<T>,
    /// For `?continuation=`: the next page. Absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation: Option<String>,
    #[serde(skip)]
    #[schemars(skip)]
    heading: String,
    #[serde(skip)]
    #[schemars(skip)]
    columns: &'static [Column],
}

/// Where the next page begins: opaque to callers.
#[derive(Debug, Serialize, Deserialize)]
struct Next {
    /// Items before it.
    skip: usize,
    /// What the list is of, such as the run of its snapshot.
    of: String,
}

/// The part of a list that a call asks for, filled item by item, so that a long list never is in memory.
#[derive(Debug)]
pub struct Window<T> {
    of: String,
    skip: usize,
    top: usize,
    total: usize,
    value: Vec<T>,
}

impl<T> Window<T> {
    /// The part that the call asks for. `of` tells one state of the list from another, such as the run of
    /// its snapshot.
    ///
    /// # Errors
    ///
    /// A 400 for a `top` or a token that is none; a 410 for the token of another state.
    pub fn of(call: &Call<'_>, of: &str) -> Result<Window<T>, Problem> {
        let most = if call.form == Form::Csv { MOST_ROWS } else { MOST_TOP };
        let expected = format!("a number from 1 to {most}");
        let number = |text: &str| text.parse().ok().filter(|top| (1..=most).contains(top));
        let top = call.query.parsed("top", &expected, number)?;
        let default = if call.form == Form::Csv { MOST_ROWS } else { DEFAULT_TOP };
        let skip = match call.query.get("continuation") {
            None => 0,
            Some(token) => token_of(&token, of)?,
        };
        let top = top.unwrap_or(default);
        Ok(Window { of: of.to_owned(), skip, top, total: 0, value: Vec::new() })
    }

    /// Takes the list's next item; of those outside only the number counts.
    pub fn take(&mut self, item: T) {
        if self.total >= self.skip && self.value.len() < self.top {
            self.value.push(item);
        }
        self.total += 1;
    }

    /// The same with other items in place of these.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Window<U> {
        let Window { of, skip, top, total, value } = self;
        Window { of, skip, top, total, value: value.into_iter().map(change).collect() }
    }
}

impl<T: Serialize> Page<T> {
    /// The page of `items` that the call asks for. `of` tells one state of the list from another, such
    /// as the run of its snapshot.
    ///
    /// # Errors
    ///
    /// As [`Window::of`].
    pub fn of(
        call: &Call<'_>,
        titled: (impl Into<String>, &'static [Column]),
        of: &str,
        items: Vec<T>,
    ) -> Result<Page<T>, Problem> {
        let mut window = Window::of(call, of)?;
        items.into_iter().for_each(|item| window.take(item));
        Ok(Page::seen(titled, window))
    }

    /// The page that a window on the whole list has seen.
    pub fn seen(
        (heading, columns): (impl Into<String>, &'static [Column]),
        window: Window<T>,
    ) -> Page<T> {
        let Window { of, skip, total, value, .. } = window;
        let next = skip + value.len();
        let continuation = (next < total && !value.is_empty()).then(|| {
            let next = Next { skip: next, of };
            BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&next).unwrap_or_default())
        });
        let heading = heading.into();
        let (collected, stale, note) = (None, None, None);
        Page { collected, stale, note, total, value, continuation, heading, columns }
    }

    /// The same, collected then.
    pub fn collected(self, at: Timestamp) -> Page<T> {
        Page { collected: Some(at), ..self }
    }

    /// The same, with what it leaves out.
    pub fn noting(self, note: Option<String>) -> Page<T> {
        Page { note, ..self }
    }

    /// The page of items out of snapshots.
    ///
    /// # Errors
    ///
    /// As [`Page::of`].
    pub fn listed(
        call: &Call<'_>,
        table: (impl Into<String>, &'static [Column]),
        listed: Listed<T>,
    ) -> Result<Page<T>, Problem> {
        let Listed { items, of, freshness, note } = listed;
        let page = Page::of(call, table, &of, items)?.collected(freshness.collected);
        Ok(Page { stale: Some(freshness.stale), note, ..page })
    }

    /// The answer of a call with this page; where there is a next one, a `Link` header leads to it.
    ///
    /// # Errors
    ///
    /// As [`Answer::of`].
    pub fn answer(&self, call: &Call<'_>) -> Result<Answer, Problem> {
        Ok(self.linked(call, Answer::of(call, self)?))
    }

    /// An answer that shows this page, with the `Link` header that leads to the next one.
    pub fn linked(&self, call: &Call<'_>, answer: Answer) -> Answer {
        let Some(token) = &self.continuation else { return answer };
        let Ok(mut url) = Url::parse("http://localhost/") else { return answer };
        url.query_pairs_mut()
            .extend_pairs(call.query.without(&["continuation", "code"]))
            .append_pair("continuation", token);
        let query = url.query().unwrap_or_default();
        answer.header("link", format!("<{}?{query}>; rel=\"next\"", call.request.path))
    }

    fn values(&self) -> Vec<Value> {
        self.value.iter().filter_map(|item| serde_json::to_value(item).ok()).collect()
    }
}

fn token_of(token: &str, of: &str) -> Result<usize, Problem> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let next: Option<Next> = json.and_then(|json| serde_json::from_slice(&json).ok());
    match next {
        Some(next) if next.of == of => Ok(next.skip),
        Some(_) => Err(Problem::new(
            410,
            "the list has been renewed since: begin anew without continuation",
        )),
        None => Err(Problem::new(400, "continuation is no token of this list")),
    }
}

impl<T: Serialize> Shown for Page<T> {
    fn comment(&self) -> Option<Comment> {
        let columns = &self.columns[..self.columns.len().min(COMMENT_COLUMNS)];
        let row = |item: &Value| columns.iter().map(|column| cell(item, column)).collect();
        let rows: Vec<_> = self.values().iter().take(COMMENT_ROWS).map(row).collect();
        let shown = rows.len();
        let columns = columns.iter().map(|column| column.0.to_owned()).collect();
        let heading = format!("{shown} of {}", self.total);
        let of = self.collected.map(|at| {
            let stale = if self.stale == Some(true) { " (stale)" } else { "" };
            format!("Collected at {at:.0}{stale}")
        });
        let texts = of.into_iter().chain(self.note.clone());
        let mut blocks: Vec<_> = texts.map(|text| Block::Text(Cell::new(text))).collect();
        blocks.push(Block::Table { heading, columns, rows });
        Some(Comment { title: self.heading.clone(), blocks })
    }

    fn rows(&self) -> Option<Rows> {
        Some(Rows::of(&self.values(), self.columns))
    }
}

/// A value as people read it: an address as a link, an instant to the second.
fn cell(item: &Value, column: &Column) -> Cell {
    let text = text_at(item, column.1);
    match text.parse::<Timestamp>() {
        _ if text.starts_with("https://") => Cell::link("open", text),
        Ok(at) => Cell::new(format!("{at:.0}")),
        Err(_) => Cell::new(text),
    }
}

/// A table for spreadsheets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with as many cells.
    pub rows: Vec<Vec<String>>,
}

impl Rows {
    /// These columns of items.
    pub fn of(items: &[Value], columns: &[Column]) -> Rows {
        let row = |item: &Value| columns.iter().map(|column| text_at(item, column.1)).collect();
        let names = columns.iter().map(|column| column.1.to_owned()).collect();
        Rows { columns: names, rows: items.iter().map(row).collect() }
    }

    /// These fields of items, each named as in the item.
    pub fn of_fields(items: &[Value], fields: &[&str]) -> Rows {
        let cell = |item: &Value, field: &str| item.get(field).map_or_else(String::new, text);
        let row = |item: &Value| fields.iter().map(|field| cell(item, field)).collect();
        let columns = fields.iter().map(|field| (*field).to_owned()).collect();
        Rows { columns, rows: items.iter().map(row).collect() }
    }

    /// As CSV, with a line of names. A cell that a spreadsheet would take for a formula begins with an
    /// apostrophe.
    ///
    /// <https://owasp.org/www-community/attacks/CSV_Injection>
    pub fn csv(&self) -> String {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let lines = std::iter::once(&self.columns).chain(&self.rows);
        for line in lines {
            // Writes to memory, and all lines are of one length.
            let _ = writer.write_record(line.iter().map(|cell| harmless(cell)));
        }
        writer.into_inner().ok().and_then(|csv| String::from_utf8(csv).ok()).unwrap_or_default()
    }
}

fn harmless(cell: &str) -> String {
    let is_number = cell.parse::<f64>().is_ok();
    let begins = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if begins && !is_number { format!("'{cell}") } else { cell.to_owned() }
}

/// A value as a text: nothing where it is absent, a list's values joined.
pub(super) fn text_at(item: &Value, path: &str) -> String {
    let found = path.split('.').try_fold(item, |value, field| value.get(field));
    found.map_or_else(String::new, text)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join("; "),
        // 8 and not 8.0.
        Value::Number(number) if number.is_f64() => {
            number.as_f64().map_or_else(String::new, |number| number.to_string())
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_cell_is_a_formula() {
        let items = [json!({ "a": "=1+1", "b": { "c": -1.5 } }), json!({ "a": "x,\"y", "b": {} })];

        let csv = Rows::of(&items, &[Column("A", "a"), Column("C", "b.c")]).csv();

        assert_eq!(csv, "a,b.c\r\n'=1+1,-1.5\r\n\"x,\"\"y\",\r\n");
        assert_eq!(harmless("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(harmless("-cmd"), "'-cmd");
    }

    #[test]
    fn a_token_counts_for_the_state_that_it_was_given_for() {
        let next = Next { skip: 3, of: "run 1".to_owned() };
        let token = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&next).unwrap());

        assert_eq!(token_of(&token, "run 1").unwrap(), 3);
        assert_eq!(token_of(&token, "run 2").unwrap_err().status, 410);
        assert_eq!(token_of("x", "run 1").unwrap_err().status, 400);
    }
}
