//! HTML fragments, as Microsoft writes them into remediation steps, as plain text.

/// Longest tag that is taken for one, in bytes; links inside may be long.
const MAX_TAG_BYTES: usize = 4_096;

/// Tags that stand inside a word or a sentence; any other separates words.
const INLINE: [&str; 9] = ["a", "b", "i", "u", "em", "strong", "span", "code", "font"];

/// Entities that are decoded; others stay as they are.
const ENTITIES: [(&str, &str); 7] = [
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&apos;", "'"),
    ("&nbsp;", " "),
];

/// The text of an HTML fragment: without tags, entities decoded once, white space as single spaces.
///
/// The text may hold `<` and `&`: whoever shows it as HTML escapes it.
pub(super) fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (taken, instead) = tag(rest).or_else(|| entity(rest)).unwrap_or((1, &rest[..1]));
        text.push_str(instead);
        rest = &rest[taken..];
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The bytes of the tag that `html` begins with, and what stands in its place.
fn tag(html: &str) -> Option<(usize, &'static str)> {
    let inside = html.strip_prefix('<')?;
    let name = inside.strip_prefix('/').unwrap_or(inside);
    // "fewer than < 5" is no tag.
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!') {
        return None;
    }
    let end = html.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b'>')?;
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let is_inline = INLINE.iter().any(|inline| name.eq_ignore_ascii_case(inline));
    Some((end + 1, if is_inline { "" } else { " " }))
}

/// The bytes of the entity that `html` begins with, and the character it stands for.
fn entity(html: &str) -> Option<(usize, &'static str)> {
    let found = ENTITIES.iter().find(|(entity, _)| html.starts_with(entity));
    found.map(|(entity, character)| (entity.len(), *character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_go_and_words_stay_apart() {
        let html = "<p>Open <a href=\"https://example.invalid/a>b\">the <b>portal</b></a>.</p><ol><li>One</li><li>Two</li></ol>";

        let text = plain_text(html);

        assert_eq!(text, "Open b\">the portal. One Two");
    }

    #[test]
    fn entities_are_decoded_once_and_lone_signs_stay() {
        let html = "A &amp;lt; B &lt;b&gt; 3 < 5 & &euro; &#39;x&#39;&nbsp;<unclosed";

        let text = plain_text(html);

        assert_eq!(text, "A &lt; B <b> 3 < 5 & &euro; 'x' <unclosed");
    }
}
