//! One row of an export as JSON, in the spelling of pages or of files.

use std::fmt::Display;
use std::io::Write;

use bytes::Bytes;

/// How keys are spelled and whether nulls are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// Pages: camelCase, nulls written.
    Camel,
    /// Pages of browser extensions: PascalCase, nulls written.
    Pascal,
    /// Files: PascalCase (`OS…` in capitals), nulls and empty arrays left out.
    File,
}

/// A row that is being written. Names are given in camelCase.
pub(crate) struct Row {
    style: Style,
    text: Vec<u8>,
}

impl Row {
    pub(crate) fn new(style: Style) -> Row {
        let mut text = Vec::with_capacity(1024);
        text.push(b'{');
        Row { style, text }
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.text.push(b'}');
        self.text.into()
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) -> &mut Row {
        self.key(name);
        quote(&mut self.text, value);
        self
    }

    pub(crate) fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Row {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn null(&mut self, name: &str) -> &mut Row {
        match self.style {
            Style::File => self,
            _ => self.plain(name, "null"),
        }
    }

    /// A number or truth value.
    pub(crate) fn plain(&mut self, name: &str, value: impl Display) -> &mut Row {
        self.key(name);
        // Writing to a Vec can't fail.
        let _ = write!(self.text, "{value}");
        self
    }

    pub(crate) fn list(&mut self, name: &str, values: &[&str]) -> &mut Row {
        if values.is_empty() && self.style == Style::File {
            return self;
        }
        self.key(name);
        self.text.push(b'[');
        for (number, value) in values.iter().enumerate() {
            if number > 0 {
                self.text.push(b',');
            }
            quote(&mut self.text, value);
        }
        self.text.push(b']');
        self
    }

    /// An object of texts.
    pub(crate) fn object(&mut self, name: &str, fields: &[(&str, &str)]) -> &mut Row {
        self.key(name);
        let mut inner = Row::new(self.style);
        fields.iter().for_each(|(name, value)| {
            inner.text(name, value);
        });
        self.text.extend_from_slice(&inner.finish());
        self
    }

    fn key(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        self.text.push(b'"');
        match (self.style, name.strip_prefix("os")) {
            (Style::Camel, _) => self.text.extend_from_slice(name.as_bytes()),
            (_, Some(rest)) => {
                self.text.extend_from_slice(b"OS");
                self.text.extend_from_slice(rest.as_bytes());
            }
            (_, None) => {
                self.text.push(name.as_bytes().first().map_or(b'_', u8::to_ascii_uppercase));
                self.text.extend_from_slice(name.as_bytes().get(1..).unwrap_or_default());
            }
        }
        self.text.extend_from_slice(b"\":");
    }
}

fn quote(text: &mut Vec<u8>, value: &str) {
    text.push(b'"');
    for &byte in value.as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(style: Style) -> String {
        let mut row = Row::new(style);
        row.text("osPlatform", "Linux").text("diskPaths", r#"C:\"x""#).null("cveId");
        row.plain("cvssScore", 7).list("registryPaths", &[]).object("subject", &[("name", "a")]);
        String::from_utf8(row.finish().to_vec()).unwrap()
    }

    #[test]
    fn files_have_capitals_and_no_nulls() {
        assert_eq!(
            row(Style::File),
            r#"{"OSPlatform":"Linux","DiskPaths":"C:\\\"x\"","CvssScore":7,"Subject":{"Name":"a"}}"#
        );
        assert_eq!(
            row(Style::Camel),
            r#"{"osPlatform":"Linux","diskPaths":"C:\\\"x\"","cveId":null,"cvssScore":7,"registryPaths":[],"subject":{"name":"a"}}"#
        );
    }
}
