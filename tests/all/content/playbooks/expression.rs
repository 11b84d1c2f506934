//! Expressions of the workflow definition language: read, not yet evaluated.
//!
//! <https://learn.microsoft.com/azure/logic-apps/workflow-definition-language-functions-reference>

use serde_json::Value;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A text, a number, `true`, `false` or `null`.
    Literal(Value),
    /// A function with its arguments.
    Call(String, Vec<Expression>),
    /// A property or an item; `?` in front of it lets it be missing.
    Access { of: Box<Expression>, key: Box<Expression>, lenient: bool },
    /// A text with expressions in it.
    Template(Vec<Expression>),
}

use Expression::{Access, Call, Literal, Template};

impl Expression {
    /// A text of a definition: what it says, or what it evaluates to.
    ///
    /// # Errors
    ///
    /// Where it can't be read, and why.
    pub fn of(text: &str) -> Result<Expression, String> {
        if let Some(escaped) = text.strip_prefix("@@") {
            return Ok(Literal(format!("@{escaped}").into()));
        }
        match text.strip_prefix('@') {
            Some(whole) if !whole.starts_with('{') => {
                let mut reader = Reader { text: whole, at: 0 };
                let expression = reader.expression()?;
                reader.end()?;
                Ok(expression)
            }
            _ => template(text),
        }
    }

    /// Itself and every expression in it.
    pub fn all(&self) -> Vec<&Expression> {
        let below: Vec<_> = match self {
            Literal(_) => Vec::new(),
            Call(_, parts) | Template(parts) => parts.iter().collect(),
            Access { of, key, .. } => vec![of.as_ref(), key.as_ref()],
        };
        std::iter::once(self).chain(below.into_iter().flat_map(Expression::all)).collect()
    }

    /// The text that it is, where it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Literal(value) => value.as_str(),
            _ => None,
        }
    }
}

/// A text with `@{…}` in it; one without is a literal.
fn template(text: &str) -> Result<Expression, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find("@{") {
        parts.push(Literal(rest[..start].into()));
        let mut reader = Reader { text: &rest[start + 2..], at: 0 };
        parts.push(reader.expression()?);
        reader.expect('}')?;
        rest = &reader.text[reader.at..];
    }
    if parts.is_empty() {
        return Ok(Literal(text.into()));
    }
    parts.push(Literal(rest.into()));
    parts.retain(|part| part.text() != Some(""));
    Ok(Template(parts))
}

/// Reads an expression from its beginning.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(format!("{wanted:?} is missing at {:?}", &self.text[self.at..])),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(format!("nothing may follow, but {:?} does", &self.text[self.at..])),
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut found = self.primary()?;
        loop {
            let lenient = self.take('?');
            let key = if self.take('[') {
                let key = self.expression()?;
                self.expect(']')?;
                key
            } else if self.take('.') {
                Literal(self.name()?.into())
            } else if lenient {
                return Err("? stands in front of [ or . only".to_owned());
            } else {
                return Ok(found);
            };
            found = Access { of: Box::new(found), key: Box::new(key), lenient };
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        match self.peek() {
            Some('\'') => self.quoted(),
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.');
                let number = self.run(is_part);
                let value = number.parse().map_err(|_| format!("{number:?} is no number"))?;
                Ok(Literal(Value::Number(value)))
            }
            _ => self.call(),
        }
    }

    /// A text between single quotes; a doubled one stands for itself.
    fn quoted(&mut self) -> Result<Expression, String> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\'').ok_or("a text has no end")?;
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.text[self.at..].starts_with('\'') {
                return Ok(Literal(text.into()));
            }
            text.push('\'');
            self.at += 1;
        }
    }

    fn call(&mut self) -> Result<Expression, String> {
        let name = self.name()?;
        match name.as_str() {
            "true" | "false" => return Ok(Literal(Value::Bool(name == "true"))),
            "null" => return Ok(Literal(Value::Null)),
            _ => self.expect('(')?,
        }
        let mut arguments = Vec::new();
        if self.take(')') {
            return Ok(Call(name, arguments));
        }
        loop {
            arguments.push(self.expression()?);
            if !self.take(',') {
                self.expect(')')?;
                return Ok(Call(name, arguments));
            }
        }
    }

    fn name(&mut self) -> Result<String, String> {
        self.peek();
        let name = self.run(|c| c.is_ascii_alphanumeric() || c == '_');
        match name.is_empty() {
            true => Err(format!("a name is missing at {:?}", &self.text[self.at..])),
            false => Ok(name),
        }
    }

    fn run(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }
}

/// Every text below a value, keys included, with its place.
pub fn texts<'a>(value: &'a Value, place: &str, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => found.push((place.to_owned(), text)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(n, item)| texts(item, &format!("{place}[{n}]"), found));
        }
        Value::Object(members) => {
            for (key, value) in members {
                found.push((place.to_owned(), key));
                texts(value, &format!("{place}.{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn an_expression_is_read_as_it_is_written() {
    let of = |text: &str| Expression::of(text).unwrap();
    let call = |name: &str, arguments: &[Expression]| Call(name.to_owned(), arguments.to_vec());
    let text = |text: &str| Literal(text.into());

    let access =
        |of, key: &str, lenient| Access { of: Box::new(of), key: Box::new(text(key)), lenient };
    let body = access(call("body", &[text("It's")]), "a b", true);
    assert_eq!(of("@body('It''s')?['a b']"), body);
    assert_eq!(of("@body('It''s')?['a b'].c"), access(body.clone(), "c", false));
    assert_eq!(of("x @{body('It''s')?['a b']}y"), Template(vec![text("x "), body, text("y")]));
    assert_eq!(of("@concat('}', -1, true)").all().len(), 4);
    assert_eq!((of("@@x"), of("a@b.example")), (text("@x"), text("a@b.example")));
    for wrong in
        ["@f(", "@f('x)", "@f(1,)", "@f()?", "@f() g", "@{f()", "@x", "@f()['a'", "@f(1 2)"]
    {
        assert!(Expression::of(wrong).is_err(), "{wrong}");
    }
}
