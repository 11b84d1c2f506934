//! Lines into one gzip part for the ledger and one gzip batch for the workspace.

mod gzip;
mod separators;

use crate::record::without_clashes;
use flate2::{Compression, Crc, GzBuilder, bufread::GzDecoder};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::{self, Read, Write};

/// Largest JSON array of a part, in bytes. The Logs Ingestion API takes 1 MB a request, compressed or
/// not.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api>
pub const MAX_ARRAY_BYTES: usize = 1_000_000;

/// Where a read goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The page to ask for; nothing past the last one.
    pub link: Option<String>,
    /// Records of that page that are kept already.
    pub skip: u64,
    /// `RecordId` of the last of them: where the page has another one there, it is kept whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl Cursor {
    /// The beginning of a page.
    pub fn page(link: Option<String>) -> Cursor {
        Cursor { link, skip: 0, last: None }
    }
}

/// What becomes of one line beyond the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// End of the line in the part, its line break excluded.
    pub end: usize,
    /// Whether it goes to the workspace.
    pub sends: bool,
    /// Whether a field of its own has an envelope's name.
    pub clashes: bool,
}

/// Lines that are kept together and sent together.
#[derive(Debug, Default)]
pub struct Lines {
    text: Vec<u8>,
    marks: Vec<Mark>,
}

/// What a part's lines and marks take at once, so that they don't grow bit by bit.
const TYPICAL_BYTES: usize = MAX_ARRAY_BYTES + 4096;
const TYPICAL_LINES: usize = 2048;

impl Lines {
    /// No lines yet, with room for a whole part.
    pub fn with_room() -> Lines {
        Lines { text: Vec::with_capacity(TYPICAL_BYTES), marks: Vec::with_capacity(TYPICAL_LINES) }
    }

    /// Where the next line is written, behind those that are there; [`Lines::close`] makes it one of them.
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Bytes of the line that was written last, as long as it isn't one of them.
    pub fn open_len(&self) -> usize {
        self.text.len() - self.marks.last().map_or(0, |mark| mark.end + 1)
    }

    /// Whether the line that was written last must go to the next part. Its array would have over a million
    /// bytes; a line that is too long alone is a part alone.
    pub fn is_overfull(&self) -> bool {
        // An array of n lines has their bytes, n-1 commas and two brackets; the text has n-1 breaks.
        !self.marks.is_empty() && self.text.len() + 2 > MAX_ARRAY_BYTES
    }

    /// Makes the line that was written last one of these.
    pub fn close(&mut self, sends: bool, clashes: bool) {
        self.marks.push(Mark { end: self.text.len(), sends, clashes });
        self.text.push(b'\n');
    }

    /// Moves the line that was written last to lines of its own.
    pub fn split_open(&mut self) -> Lines {
        let mut next = Lines::with_room();
        let end = self.text.len() - self.open_len();
        next.text.extend_from_slice(&self.text[end..]);
        self.text.truncate(end);
        next
    }

    /// Appends a line.
    pub fn push(&mut self, line: &[u8], sends: bool, clashes: bool) {
        self.text.extend_from_slice(line);
        self.close(sends, clashes);
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.marks.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Every line with its mark.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Mark)> {
        let starts = std::iter::once(0).chain(self.marks.iter().map(|mark| mark.end + 1));
        starts.zip(&self.marks).map(|(start, mark)| (&self.text[start..mark.end], *mark))
    }

    /// The lines that go to the workspace, as they go there.
    pub fn rows(&self) -> Vec<Cow<'_, [u8]>> {
        let sent = self.iter().filter(|(_, mark)| mark.sends);
        sent.map(|(line, mark)| match mark.clashes.then(|| std::str::from_utf8(line)) {
            Some(Ok(text)) => Cow::Owned(without_clashes(text).into_bytes()),
            _ => Cow::Borrowed(line),
        })
        .collect()
    }

    /// The lines as a gzip file whose header comment holds the cursor after them; and, where `sends` is set,
    /// the body of the request that brings those of them to the workspace that go there.
    ///
    /// # Errors
    ///
    /// Never in practice: it is written to memory.
    pub fn pack(&self, cursor: &Cursor, sends: bool) -> io::Result<(Vec<u8>, Option<Body>)> {
        let comment = serde_json::to_vec(cursor).map_err(io::Error::other)?;
        // The last line's break comes in a block of its own, since the array has a bracket there.
        let lines = self.text.strip_suffix(b"\n").unwrap_or_default();
        let deflated = gzip::deflate(lines)?;
        let end = if self.is_empty() { "" } else { "\n" };
        let mut crc = Crc::new();
        crc.update(&self.text);
        let part = gzip::file(Some(&comment), &[&deflated, &gzip::stored(end, true)], &crc);
        let body = match sends {
            false => None,
            true => self.body(&deflated)?,
        };
        Ok((part, body))
    }

    fn body(&self, deflated: &[u8]) -> io::Result<Option<Body>> {
        let rows = self.rows();
        let array_bytes = array_bytes(&rows);
        if rows.is_empty() || array_bytes > MAX_ARRAY_BYTES {
            return Ok(None);
        }
        let is_whole = self.marks.iter().all(|mark| mark.sends && !mark.clashes);
        let commas = is_whole.then(|| separators::with_commas(deflated)).flatten();
        let Some(commas) = commas else { return body(&rows).map(Some) };
        let (open, close) = (gzip::stored("[", false), gzip::stored("]", true));
        let gzip = gzip::file(None, &[&open, &commas, &close], &crc_of_array(&rows));
        Ok(Some(Body { array_bytes, gzip }))
    }
}

/// Opens a kept part: its text, one line per record, and the cursor after it.
///
/// # Errors
///
/// Where it is no gzip file, is cut short, or carries no cursor.
pub fn open(part: &[u8]) -> io::Result<(String, Cursor)> {
    let mut gzip = GzDecoder::new(part);
    let mut text = String::new();
    gzip.read_to_string(&mut text)?;
    let comment = gzip.header().and_then(|header| header.comment()).unwrap_or_default();
    let cursor = serde_json::from_slice(comment).map_err(io::Error::other)?;
    Ok((text, cursor))
}

/// Rows as a JSON array, and that in gzip: the body of one ingestion request.
#[derive(Debug)]
pub struct Body {
    /// Bytes of the array before compression.
    pub array_bytes: usize,
    /// The compressed body.
    pub gzip: Vec<u8>,
}

/// The ingestion body of these rows.
///
/// # Errors
///
/// Never in practice: it is written to memory.
pub fn body(rows: &[Cow<'_, [u8]>]) -> io::Result<Body> {
    let array_bytes = array_bytes(rows);
    let out = Vec::with_capacity(array_bytes / 6 + 256);
    let mut gzip = GzBuilder::new().write(out, Compression::fast());
    let mut before: &[u8] = b"[";
    for row in rows {
        gzip.write_all(before)?;
        gzip.write_all(row)?;
        before = b",";
    }
    gzip.write_all(b"]")?;
    Ok(Body { array_bytes, gzip: gzip.finish()? })
}

fn crc_of_array(rows: &[Cow<'_, [u8]>]) -> Crc {
    let mut crc = Crc::new();
    let mut before: &[u8] = b"[";
    for row in rows {
        crc.update(before);
        crc.update(row);
        before = b",";
    }
    crc.update(b"]");
    crc
}

/// Bytes of these rows as a JSON array.
pub fn array_bytes(rows: &[Cow<'_, [u8]>]) -> usize {
    let commas = rows.len().saturating_sub(1);
    rows.iter().map(|row| row.len()).sum::<usize>() + commas + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Lines {
        let mut lines = Lines::default();
        for text in texts {
            lines.push(text.as_bytes(), true, false);
        }
        lines
    }

    #[test]
    fn a_part_opens_into_its_lines_and_the_cursor_after_it() {
        let cursor =
            Cursor { link: Some("https://x/é?$skip=2".into()), skip: 2, ..Cursor::page(None) };

        let (gzip, _) = lines(&[r#"{"a":1}"#, r#"{"a":"ü"}"#]).pack(&cursor, true).unwrap();
        let (text, after) = open(&gzip).unwrap();

        assert_eq!(text, "{\"a\":1}\n{\"a\":\"ü\"}\n");
        assert_eq!(after, cursor);
    }

    #[test]
    fn a_part_that_is_cut_short_is_no_part() {
        let (gzip, _) = lines(&[r#"{"a":1}"#]).pack(&Cursor::page(None), false).unwrap();

        assert!(open(&gzip[..gzip.len() - 4]).is_err());
        assert!(open(b"{}").is_err());
    }

    #[test]
    fn a_part_closes_before_its_array_would_have_over_a_million_bytes() {
        let mut lines = Lines::default();
        let line = vec![b'x'; 999];
        lines.open().extend(&line);
        while !lines.is_overfull() {
            lines.close(true, false);
            lines.open().extend(&line);
        }
        let mut next = lines.split_open();

        let bytes = array_bytes(&lines.rows());
        assert!(bytes <= MAX_ARRAY_BYTES && bytes + line.len() + 1 > MAX_ARRAY_BYTES, "{bytes}");
        assert_eq!((next.len(), next.open_len()), (0, line.len()));
        next.open().extend(vec![b'x'; 2_000_000]);
        assert!(!next.is_overfull(), "a long line is a part alone");
    }

    fn text(body: &Body) -> String {
        let mut text = String::new();
        GzDecoder::new(&*body.gzip).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_batch_is_an_array_of_the_lines_that_go_to_the_workspace() {
        let mut lines = lines(&[r#"{"a":1}"#]);
        lines.push(br#"{"a":2}"#, false, false);
        lines.push(br#"{"RunId":1,"a":3,"RunId":2}"#, true, true);

        let (_, body) = lines.pack(&Cursor::page(None), true).unwrap();
        let body = body.unwrap();

        assert_eq!(text(&body), r#"[{"a":1},{"RunId":1,"a":3}]"#);
        assert_eq!(text(&body).len(), body.array_bytes);
    }

    #[test]
    fn a_batch_of_all_lines_is_the_part_with_other_separators() {
        for count in [1, 2, 900] {
            let rows: Vec<_> = (0..count)
                .map(|row| format!("{{\"RunId\":\"20261122T101500Z\",\"n\":{}}}", row * row % 977))
                .collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();

            let (part, body) = lines(&rows).pack(&Cursor::page(None), true).unwrap();
            let body = body.unwrap();

            assert_eq!(open(&part).unwrap().0, rows.join("\n") + "\n");
            assert_eq!(text(&body), format!("[{}]", rows.join(",")));
            assert_eq!(text(&body).len(), body.array_bytes);
            // Where the compressor's output couldn't be used for both, it would be made twice.
            let deflated = gzip::deflate(rows.join("\n").as_bytes()).unwrap();
            assert!(separators::with_commas(&deflated).is_some());
        }
    }

    #[test]
    fn a_part_of_no_lines_still_carries_its_cursor() {
        let (gzip, body) = Lines::default().pack(&Cursor::page(None), true).unwrap();

        assert_eq!(open(&gzip).unwrap(), (String::new(), Cursor::page(None)));
        assert!(body.is_none());
    }
}
