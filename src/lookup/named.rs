//! What callers name: devices, vulnerabilities, software. Nothing reaches a URL before it is one of these.

use crate::tenant::guid;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::net::IpAddr;

/// Longest name of a host, in characters.
///
/// <https://www.rfc-editor.org/rfc/rfc1035>
const LONGEST_HOST: usize = 253;
/// Longest id of a software, in characters.
const LONGEST_SOFTWARE: usize = 300;
/// What stands between vendor and product.
const BETWEEN: &str = "-_-";
/// What a segment of a path, or a value in a query, says with an escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A device, as somebody names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id at Defender: 40 hex digits in lower case.
    Id(String),
    /// By its id in Entra ID, a GUID in lower case.
    Entra(String),
    /// By an address.
    Address(IpAddr),
    /// By its full name, or its name up to the first dot, in lower case.
    Host(String),
}

impl Named {
    /// The device that a text names; nothing where it names none.
    pub fn read(text: &str) -> Option<Named> {
        let text = text.trim();
        if is_device_id(text) {
            return Some(Named::Id(text.to_ascii_lowercase()));
        }
        if let Some(id) = guid(text) {
            return Some(Named::Entra(id));
        }
        if let Ok(address) = text.parse() {
            return Some(Named::Address(address));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let text = text.trim_end_matches('.');
        let is_host = (1..=LONGEST_HOST).contains(&text.len())
            && text.chars().all(allowed)
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && !text.contains("..");
        is_host.then(|| Named::Host(text.to_ascii_lowercase()))
    }

    /// Whether a host of this name is meant: a name without a dot is any domain's.
    pub(super) fn is_host(&self, name: &str) -> bool {
        let Named::Host(own) = self else { return false };
        let head = name.get(..own.len()).is_some_and(|head| head.eq_ignore_ascii_case(own));
        let rest = name.get(own.len()..).unwrap_or_default();
        head && (rest.is_empty() || !own.contains('.') && rest.starts_with('.'))
    }
}

/// Whether a text is a device's id at Defender.
pub fn is_device_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A CVE's id in capitals, where the text is one: `CVE-`, four digits of a year, `-`, four digits or more.
pub fn cve(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let (year, number) = text.strip_prefix("CVE-")?.split_once('-')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fits =
        year.len() == 4 && digits(year) && (4..=12).contains(&number.len()) && digits(number);
    fits.then_some(text)
}

/// A software, as Defender names it: `<vendor>-_-<product>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftwareId {
    /// The whole id, as Defender spells it.
    pub id: String,
    /// Who makes it.
    pub vendor: String,
    /// The product.
    pub product: String,
}

impl SoftwareId {
    /// The software that a text names; nothing where it names none.
    pub fn read(text: &str) -> Option<SoftwareId> {
        let id = text.trim().to_owned();
        let (vendor, product) = id.split_once(BETWEEN)?;
        let unfit = |c: char| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '\'' | '"');
        let fits = !vendor.is_empty()
            && !product.is_empty()
            && id.chars().count() <= LONGEST_SOFTWARE
            && !id.contains(unfit);
        let (vendor, product) = (vendor.to_owned(), product.to_owned());
        fits.then_some(SoftwareId { id, vendor, product })
    }

    /// Whether it is this vendor's product.
    pub(super) fn is(&self, vendor: Option<&str>, product: Option<&str>) -> bool {
        let same = |own: &str, other: Option<&str>| {
            other.is_some_and(|other| {
                other.eq_ignore_ascii_case(own) || other.to_lowercase() == own.to_lowercase()
            })
        };
        same(&self.vendor, vendor) && same(&self.product, product)
    }
}

/// The id of a vendor's product.
pub(super) fn software_id(vendor: &str, product: &str) -> String {
    format!("{vendor}{BETWEEN}{product}")
}

/// A text as one segment of a path, or as a value in a query.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_by_id_address_or_host() {
        let id = "00AA11BB22CC33DD44EE55FF66AA77BB88CC99DD";

        assert_eq!(Named::read(id), Some(Named::Id(id.to_ascii_lowercase())));
        assert!(matches!(
            Named::read("AAAAAAAA-0000-4000-8000-000000000017"),
            Some(Named::Entra(id)) if id.starts_with("aaaaaaaa")
        ));
        assert_eq!(Named::read(" 10.0.0.17 "), Some(Named::Address("10.0.0.17".parse().unwrap())));
        assert!(matches!(Named::read("fe80::1"), Some(Named::Address(_))));
        assert_eq!(Named::read("PC-17.corp."), Some(Named::Host("pc-17.corp".to_owned())));
        for none in ["", "a b", "x'y", "-x", "a/b", "..", "a..b", "é", "a%20b", &"a".repeat(254)] {
            assert_eq!(Named::read(none), None, "{none}");
        }
    }

    #[test]
    fn a_short_name_is_any_domains_and_a_full_one_only_its_own() {
        let (short, full) = (Named::read("pc-17").unwrap(), Named::read("pc-17.corp").unwrap());

        assert!(
            short.is_host("PC-17.corp") && short.is_host("pc-17") && full.is_host("pc-17.CORP")
        );
        assert!(!short.is_host("pc-170.corp") && !full.is_host("pc-17.corp.example"));
        assert!(!full.is_host("pc-17") && !short.is_host("pc"));
    }

    #[test]
    fn a_vulnerability_and_a_software_have_ids_of_one_form() {
        assert_eq!(cve("cve-2026-0001").as_deref(), Some("CVE-2026-0001"));
        for none in ["CVE-2026-1", "CVE-26-0001", "CVE-2026-0001x", "2026-0001", "CVE-2026-0001'"] {
            assert_eq!(cve(none), None, "{none}");
        }
        let software = SoftwareId::read("Contoso-_-Editor_x64").unwrap();
        assert!(software.is(Some("contoso"), Some("Editor_X64")));
        assert!(!software.is(Some("contoso"), None));
        for none in ["contoso", "-_-x", "x-_-", "a-_-b/c", "a-_-b'c", "a-_-b?c"] {
            assert_eq!(SoftwareId::read(none), None, "{none}");
        }
        assert_eq!(escaped("a-_-b c+®"), "a-_-b%20c%2B%C2%AE");
    }
}
