//! `$filter` as far as the simulator carries it out: one or two comparisons with an instant.

use jiff::Timestamp;

/// Comparisons of dates that all must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filter {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    field: &'static str,
    comparison: Comparison,
    at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    From,
    After,
    Until,
    Before,
}

impl Filter {
    /// Reads `<field> ge|gt|le|lt <instant>`, or two of them with `and` between.
    ///
    /// # Errors
    ///
    /// What the service says about any other text, and about a field that isn't one of `fields`.
    pub(crate) fn read(text: &str, fields: &[&'static str]) -> Result<Filter, String> {
        let terms = text.split(" and ").map(|term| Term::read(term, fields));
        let terms = terms.collect::<Result<Vec<Term>, String>>()?;
        match terms.len() {
            ..=2 => Ok(Filter { text: text.to_owned(), terms }),
            _ => Err(format!("Invalid filter clause: the simulator doesn't carry out '{text}'.")),
        }
    }

    /// Whether a record passes whose fields have these instants.
    pub(crate) fn passes(&self, date: impl Fn(&str) -> Timestamp) -> bool {
        self.terms.iter().all(|term| {
            let date = date(term.field);
            match term.comparison {
                Comparison::From => date >= term.at,
                Comparison::After => date > term.at,
                Comparison::Until => date <= term.at,
                Comparison::Before => date < term.at,
            }
        })
    }

    /// The option as it stands in a next link, with its `&`; nothing without a filter.
    pub(crate) fn option(&self) -> String {
        match self.text.as_str() {
            "" => String::new(),
            text => {
                let text = text.replace('%', "%25").replace('+', "%2B").replace(' ', "%20");
                format!("$filter={text}&")
            }
        }
    }
}

impl Term {
    fn read(text: &str, fields: &[&'static str]) -> Result<Term, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [field, comparison, at] = words[..] else {
            return Err(format!("Invalid filter clause: '{text}' isn't understood."));
        };
        let known = fields.iter().find(|known| **known == field);
        let comparison = match comparison {
            "ge" => Comparison::From,
            "gt" => Comparison::After,
            "le" => Comparison::Until,
            "lt" => Comparison::Before,
            _ => return Err(format!("Invalid filter clause: unsupported operator in '{text}'.")),
        };
        let field = known.ok_or_else(|| {
            format!("Invalid filter clause: Could not find a property named '{field}'.")
        })?;
        let at = at.parse().map_err(|_| format!("Invalid filter clause: '{at}' is no instant."))?;
        Ok(Term { field, comparison, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 1] = ["seen"];

    #[test]
    fn two_bounds_hold_at_once() {
        let text = "seen ge 2026-11-01T00:00:00Z and seen lt 2026-11-02T00:00:00+00:00";
        let filter = Filter::read(text, &FIELDS).unwrap();
        let passes = |day: &str| filter.passes(|_| day.parse().unwrap());

        assert!(passes("2026-11-01T00:00:00Z") && passes("2026-11-01T23:59:59.9999999Z"));
        assert!(!passes("2026-10-31T23:59:59Z") && !passes("2026-11-02T00:00:00Z"));
        assert!(filter.option().starts_with("$filter=seen%20ge%202026-11-01T00:00:00Z%20and"));
        assert!(filter.option().ends_with("%2B00:00&"));
    }

    #[test]
    fn other_filters_are_refused() {
        for text in [
            "",
            "seen eq 2026-11-01T00:00:00Z",
            "seen ge '2026-11-01T00:00:00Z'",
            "seen ge 2026-11-01",
            "name ge 2026-11-01T00:00:00Z",
            "seen ge 2026-11-01T00:00:00Z or seen lt 2026-11-02T00:00:00Z",
        ] {
            assert!(Filter::read(text, &FIELDS).is_err(), "{text}");
        }
    }
}
