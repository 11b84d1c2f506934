//! Reads a query and binds its names.

use std::collections::HashMap;

use serde_json::Value;

use super::expression::{Expression, Function, Operator};
use super::{Columns, Query, Step, Type};

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(u64),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: [&str; 17] =
    ["==", "!=", "=~", "<=", ">=", "|", ",", "(", ")", "[", "]", ".", "=", "<", ">", "*", ";"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if first == '"' || first == '\'' {
            let (value, after) = quoted(rest, first)?;
            tokens.push(Token::Text(value));
            rest = after;
        } else if let Ok(number) = rest[..end].parse() {
            tokens.push(Token::Number(number));
            rest = &rest[end..];
        } else if end > 0 {
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| format!("Syntax error: unexpected '{first}'"))?;
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        }
        rest = rest.trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            _ if letter == quote => return Ok((value, &text[at + 1..])),
            _ => value.push(letter),
        }
    }
    Err("Syntax error: a string isn't closed".to_owned())
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    columns: Columns,
    lets: HashMap<String, Expression>,
}

pub(super) fn query(
    text: &str,
    columns: impl Fn(&str) -> Option<Columns>,
) -> Result<Query, String> {
    let tokens = tokens(text)?.into_iter().peekable();
    let mut parser = Parser { tokens, columns: Columns::new(), lets: HashMap::new() };
    let mut table = parser.word()?;
    while table == "let" {
        let name = parser.word()?;
        parser.expect("=")?;
        let value = parser.expression()?;
        parser.lets.insert(name, value);
        parser.expect(";")?;
        table = parser.word()?;
    }
    parser.columns = columns(&table).ok_or_else(|| {
        format!("'take' operator: Failed to resolve table or column expression named '{table}'")
    })?;
    let mut steps = Vec::new();
    while parser.tokens.peek().is_some() {
        parser.expect("|")?;
        steps.push(parser.step()?);
    }
    Ok(Query { table, steps, columns: parser.columns })
}

impl Parser {
    fn takes(&mut self, sign: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Sign(there) if *there == sign)).is_some()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(there) if there == word)).is_some()
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => {
                Err(format!("Syntax error: expected '{sign}', found {:?}", self.tokens.peek()))
            }
        }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Word(word)) => Ok(word),
            other => Err(format!("Syntax error: expected a name, found {other:?}")),
        }
    }

    fn column(&mut self) -> Result<String, String> {
        let name = self.word()?;
        self.kind_of(&name).map(|_| name)
    }

    fn kind_of(&self, name: &str) -> Result<Type, String> {
        let column = self.columns.iter().find(|(column, _)| column == name);
        let found = column.map(|(_, kind)| *kind);
        found.ok_or_else(|| format!("Failed to resolve scalar expression named '{name}'"))
    }

    fn step(&mut self) -> Result<Step, String> {
        match self.word()?.as_str() {
            "where" => Ok(Step::Where(self.expression()?)),
            "extend" => {
                let columns = self.named()?;
                for (name, value) in &columns {
                    self.columns.retain(|(there, _)| there != name);
                    self.columns.push((name.clone(), value.kind()));
                }
                Ok(Step::Extend(columns))
            }
            "project" => {
                let columns = self.named()?;
                let kind = |(name, value): &(String, Expression)| (name.clone(), value.kind());
                self.columns = columns.iter().map(kind).collect();
                Ok(Step::Project(columns))
            }
            "summarize" => self.newest(),
            "sort" | "order" => self.sort(),
            "take" | "limit" => match self.tokens.next() {
                Some(Token::Number(count)) => Ok(Step::Take(count as usize)),
                other => Err(format!("Syntax error: expected a number, found {other:?}")),
            },
            "count" => {
                self.columns = vec![("Count".to_owned(), Type::Int64)];
                Ok(Step::Count)
            }
            other => Err(format!("Query is invalid: the simulator doesn't carry out '{other}'.")),
        }
    }

    /// `a, b = c, …`
    fn named(&mut self) -> Result<Vec<(String, Expression)>, String> {
        let mut columns = Vec::new();
        loop {
            let name = self.word()?;
            let value = match self.takes("=") {
                true => self.expression()?,
                false => Expression::Column(name.clone(), self.kind_of(&name)?),
            };
            columns.push((name, value));
            if !self.takes(",") {
                return Ok(columns);
            }
        }
    }

    fn newest(&mut self) -> Result<Step, String> {
        if !self.takes_word("arg_max") {
            return Err("Query is invalid: the simulator summarizes by arg_max alone.".to_owned());
        }
        self.expect("(")?;
        let column = self.column()?;
        self.expect(",")?;
        self.expect("*")?;
        self.expect(")")?;
        if !self.takes_word("by") {
            return Err("Syntax error: expected 'by'".to_owned());
        }
        let mut by = vec![self.column()?];
        while self.takes(",") {
            by.push(self.column()?);
        }
        let is_key = |name: &String| by.contains(name);
        let (mut keys, rest): (Columns, Columns) =
            self.columns.drain(..).partition(|(name, _)| is_key(name));
        keys.extend(rest);
        self.columns = keys;
        Ok(Step::Newest { column, by })
    }

    fn sort(&mut self) -> Result<Step, String> {
        if !self.takes_word("by") {
            return Err("Syntax error: expected 'by'".to_owned());
        }
        let mut keys = Vec::new();
        loop {
            let name = self.column()?;
            if self.kind_of(&name)? == Type::Object || self.kind_of(&name)? == Type::List {
                return Err(format!("order operator: key can't be of dynamic type: '{name}'"));
            }
            // Descending is what the language takes where nothing is said.
            let ascends = self.takes_word("asc");
            if !ascends {
                self.takes_word("desc");
            }
            keys.push((name, ascends));
            if !self.takes(",") {
                return Ok(Step::Sort(keys));
            }
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut one = self.conjunction()?;
        while self.takes_word("or") {
            one = joined(Operator::Or, one, self.conjunction()?);
        }
        Ok(one)
    }

    fn conjunction(&mut self) -> Result<Expression, String> {
        let mut one = self.comparison()?;
        while self.takes_word("and") {
            one = joined(Operator::And, one, self.comparison()?);
        }
        Ok(one)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        const OPERATORS: [(&str, Operator); 7] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("=~", Operator::EqualInAnyCase),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let one = self.value()?;
        match OPERATORS.into_iter().find(|(sign, _)| self.takes(sign)) {
            Some((_, operator)) => Ok(joined(operator, one, self.value()?)),
            None => Ok(one),
        }
    }

    fn value(&mut self) -> Result<Expression, String> {
        let mut value = match self.tokens.next() {
            Some(Token::Text(text)) => Expression::Literal(text.into()),
            Some(Token::Number(number)) => Expression::Literal(number.into()),
            Some(Token::Sign("(")) => {
                let inner = self.expression()?;
                self.expect(")")?;
                inner
            }
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Expression::Literal(Value::Bool(true)),
                "false" => Expression::Literal(Value::Bool(false)),
                _ if self.takes("(") => self.call(&word)?,
                _ => match self.lets.get(&word) {
                    Some(value) => value.clone(),
                    None => Expression::Column(word.clone(), self.kind_of(&word)?),
                },
            },
            other => return Err(format!("Syntax error: expected an expression, found {other:?}")),
        };
        while self.takes(".") {
            value = Expression::Member(Box::new(value), self.word()?);
        }
        Ok(value)
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        let (function, takes) = Function::named(name)
            .ok_or_else(|| format!("Query is invalid: the simulator doesn't know '{name}()'."))?;
        let mut arguments = vec![self.expression()?];
        while self.takes(",") {
            arguments.push(self.expression()?);
        }
        self.expect(")")?;
        match takes.contains(&arguments.len()) {
            true => Ok(Expression::Call(function, arguments)),
            false => Err(format!("{name}(): function expects {takes:?} arguments")),
        }
    }
}

fn joined(operator: Operator, one: Expression, other: Expression) -> Expression {
    Expression::Binary(operator, Box::new(one), Box::new(other))
}
