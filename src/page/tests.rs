//! Whether everybody can read it: contrasts of the page's colours.
//!
//! <https://www.w3.org/TR/WCAG22/#contrast-minimum>, <https://www.w3.org/TR/WCAG22/#non-text-contrast>

use super::STYLE;
use std::collections::BTreeMap;

/// The colours of a block of the style, by variable.
fn colours(block: &str) -> BTreeMap<&str, &str> {
    let pairs = block.split(';').filter_map(|pair| pair.split_once(':'));
    let colours = pairs.filter(|(name, value)| name.starts_with("--") && value.starts_with('#'));
    colours.map(|(name, value)| (name.trim_start_matches("--"), value)).collect()
}

fn luminance(colour: &str) -> f64 {
    let digits: String = match colour.trim_start_matches('#') {
        short if short.len() == 3 => short.chars().flat_map(|digit| [digit, digit]).collect(),
        long => long.to_owned(),
    };
    let part = |from: usize| {
        let value = u8::from_str_radix(&digits[from..from + 2], 16).unwrap();
        match f64::from(value) / 255.0 {
            low if low <= 0.04045 => low / 12.92,
            high => ((high + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn text_and_charts_stand_out_in_light_and_dark() {
    let blocks: Vec<_> =
        STYLE.split(":root{").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(blocks.len(), 2, "light and dark");
    for colours in blocks.into_iter().map(colours) {
        for text in ["ink", "soft", "link", "bad", "warn", "good"] {
            for ground in ["ground", "panel"] {
                let ratio = contrast(colours[text], colours[ground]);
                assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
            }
        }
        for mark in
            ["one", "two", "three", "four", "five", "critical", "high", "medium", "low", "other"]
        {
            let ratio = contrast(colours[mark], colours["panel"]);
            assert!(ratio >= 3.0, "{mark}: {ratio:.2}");
        }
    }
}
