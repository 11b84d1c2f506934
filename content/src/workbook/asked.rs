//! Parameters in a query, and values in their place.

/// Parameters that are there before any tile, with the value that the workbook opens with.
///
/// `{TimeRange}` stands where an operator and a time are expected (`| where Day {TimeRange}`),
/// `{TimeRange:grain}` where a span is. `{Tenant}` is `*` or ids with commas between, inside quotes.
///
/// <https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-time>
pub const PARAMETERS: &[(&str, &str)] = &[
    ("Tenant", "*"),
    ("TimeRange", ">= ago(14d)"),
    ("TimeRange:grain", "6h"),
    ("TimeRange:label", "Last 14 days"),
];

/// A text with values in the place of its parameters: those given, then those of [`PARAMETERS`], nothing in
/// the place of others, as before a row is chosen.
///
/// # Errors
///
/// A value that would end the text that it stands in.
pub fn with(text: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, name, after)) = parameter(rest) {
        let known = values.iter().chain(PARAMETERS).find(|(known, _)| *known == name);
        let value = known.map_or("", |(_, value)| value);
        if value.contains(['\'', '\\', '"', '\n']) {
            return Err(format!("{name} is {value:?}, which can't stand inside quotes"));
        }
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Parameters of a text in order, each as often as it stands there.
#[must_use]
pub fn parameters(text: &str) -> Vec<&str> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some((_, name, after)) = parameter(rest) {
        found.push(name);
        rest = after;
    }
    found
}

/// The first parameter of a text, with what is before and after it: a name in braces, maybe with a form of it.
fn parameter(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text[from..].find('{')?;
        let close = open + text[open..].find('}')?;
        let name = &text[open + 1..close];
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ':');
        if is_name {
            return Some((&text[..open], name, &text[close + 1..]));
        }
        from = open + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_place_of_parameters() {
        let text =
            "T | where '{Tenant}' == '*' and Day {TimeRange} and Id == '{Device}' and x == '{}'";

        let opened = with(text, &[]).unwrap();
        let chosen = with(text, &[("Device", "a1"), ("Tenant", "x,y")]).unwrap();

        assert_eq!(opened, "T | where '*' == '*' and Day >= ago(14d) and Id == '' and x == '{}'");
        assert_eq!(
            chosen,
            "T | where 'x,y' == '*' and Day >= ago(14d) and Id == 'a1' and x == '{}'"
        );
        assert_eq!(parameters(text), ["Tenant", "TimeRange", "Device"]);
    }

    #[test]
    fn a_value_that_would_end_its_text_is_refused() {
        assert!(with("T | where Id == '{Device}'", &[("Device", "' or 1 == 1 or '")]).is_err());
    }
}
