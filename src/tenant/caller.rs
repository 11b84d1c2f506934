//! Who may ask for a tenant by identity.

use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// An identity of a Microsoft Entra tenant, as App Service authentication names it: both ids are
/// lower-case GUIDs.
///
/// An object id alone is no identity: the same id may be made in another tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Caller {
    /// The tenant that it signs in to.
    pub tenant: String,
    /// Its object id there.
    pub object: String,
}

impl FromStr for Caller {
    type Err = &'static str;

    /// Reads `<tenant id>/<object id>`.
    fn from_str(text: &str) -> Result<Caller, &'static str> {
        let (tenant, object) =
            text.split_once('/').ok_or("is no <tenant id>/<object id>: an / is missing")?;
        match (guid(tenant.trim()), guid(object.trim())) {
            (Some(tenant), Some(object)) => Ok(Caller { tenant, object }),
            _ => Err("is no <tenant id>/<object id>: both are GUIDs"),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.object)
    }
}

/// The text in lower case, where it is a GUID.
pub fn guid(text: &str) -> Option<String> {
    let fits = text.len() == 36
        && text.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        });
    fits.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-55555555AAAA";
    const OBJECT: &str = "99999999-2222-3333-4444-555555555555";

    #[test]
    fn a_caller_is_a_tenant_and_an_object_in_it() {
        let caller: Caller = format!("{TENANT}/ {OBJECT}").parse().unwrap();

        assert_eq!(caller.to_string(), format!("{}/{OBJECT}", TENANT.to_lowercase()));
        for wrong in [OBJECT.to_owned(), format!("{TENANT}/"), format!("contoso/{OBJECT}")] {
            assert!(wrong.parse::<Caller>().unwrap_err().contains("<tenant id>/<object id>"));
        }
    }
}
