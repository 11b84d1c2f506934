//! Which of the three functions a call came through, and who is behind it.
//!
//! The host tries the functions' routes in the alphabetical order of their names, and asks each for a key
//! of its own: what lies below `response/` and `caller/` never comes in by the catch-all's key.

use crate::host::Problem;
use crate::tenant::{Caller, guid};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use warp::http::HeaderMap;

/// Most segments that a path may have, and the longest one in bytes.
const MOST_SEGMENTS: usize = 8;
const LONGEST_SEGMENT: usize = 512;

/// The function that a call came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `function_http`: reads, by a function key.
    Read,
    /// `function_action`: response actions, by a key of its own.
    Action,
    /// `function_caller`: by identity.
    Caller,
}

impl Door {
    /// The door of a path as it was sent, and the decoded segments behind it.
    ///
    /// The first segment decides, as the host has seen it: one that is still encoded is no door and no
    /// route, so that no second decoding leads past a key.
    ///
    /// # Errors
    ///
    /// A 404 for a path that has no place in here.
    pub fn of(path: &str) -> Result<(Door, Vec<String>), Problem> {
        let no_route = || Problem::new(404, super::NO_ROUTE);
        let below = path.strip_prefix("/api/").ok_or_else(no_route)?;
        let below = below.strip_suffix('/').unwrap_or(below);
        let raw: Vec<_> = below.split('/').collect();
        let is_door = |name: &str| raw.len() > 1 && raw[0].eq_ignore_ascii_case(name);
        let (door, behind) = match raw.as_slice() {
            [first, ..] if first.contains('%') => return Err(no_route()),
            [_, behind @ ..] if is_door("caller") => (Door::Caller, behind),
            all if is_door("response") => (Door::Action, all),
            all => (Door::Read, all),
        };
        if behind.len() > MOST_SEGMENTS {
            return Err(no_route());
        }
        let segments = behind.iter().map(|segment| decoded(segment).ok_or_else(no_route));
        Ok((door, segments.collect::<Result<_, _>>()?))
    }

    /// Whether a route behind that door is reached through this one by whoever may come in at all.
    ///
    /// [`Door::Caller`] leads to actions too, for the identities that may ask for them alone.
    pub fn leads_to(self, other: Door) -> bool {
        self == other || self == Door::Caller && other == Door::Read
    }
}

/// A segment's text: UTF-8 without control characters, that is no step to another folder.
fn decoded(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?.into_owned();
    let fits = !text.is_empty()
        && text.len() <= LONGEST_SEGMENT
        && text != "."
        && text != ".."
        && !text.contains(|c: char| c.is_control() || c == '/' || c == '\\');
    fits.then_some(text)
}

/// Who App Service authentication says is calling; nothing where its headers are missing, broken, or
/// there more than once.
///
/// Trustworthy only where the platform's authentication is on: it removes what a caller sends.
///
/// <https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities>
pub fn principal(headers: &HeaderMap) -> Option<Caller> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?.trim();
        values.next().is_none().then_some(first)
    };
    let id = guid(only("x-ms-client-principal-id")?)?;
    let json = BASE64_STANDARD.decode(only("x-ms-client-principal")?).ok()?;
    let principal: Principal = serde_json::from_slice(&json).ok()?;
    let claim = |names: [&str; 2]| {
        let mut found = principal.claims.iter().filter(|claim| names.contains(&claim.typ.as_str()));
        let first = guid(&found.next()?.val)?;
        found.next().is_none().then_some(first)
    };
    let object = claim(["oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"])?;
    let tenant = claim(["tid", "http://schemas.microsoft.com/identity/claims/tenantid"])?;
    (object == id).then_some(Caller { tenant, object })
}

#[derive(Deserialize)]
struct Principal {
    claims: Vec<Claim>,
}

#[derive(Deserialize)]
struct Claim {
    typ: String,
    val: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_segment_as_the_host_has_seen_it_is_the_door() {
        let door = |path| Door::of(path).map(|(door, segments)| (door, segments.join("|"))).ok();

        assert_eq!(door("/api/devices/pc-17%20a/"), Some((Door::Read, "devices|pc-17 a".into())));
        assert_eq!(door("/api/Response/x"), Some((Door::Action, "Response|x".into())));
        assert_eq!(door("/api/CALLER/summary"), Some((Door::Caller, "summary".into())));
        assert_eq!(door("/api/caller/response/x"), Some((Door::Caller, "response|x".into())));
        assert!(!Door::Caller.leads_to(Door::Action) && !Door::Read.leads_to(Door::Action));
        for path in [
            "/api/%72esponse/x",
            "/api//response/x",
            "/api/a/../response/x",
            "/api/a/%2e%2e/response",
            "/api/a%2Fb",
            "/api/devices/a%2Fb",
            "/api/devices/%ff",
            "/api/devices/%00",
            "/api",
            "/apis/x",
            "/api/1/2/3/4/5/6/7/8/9",
        ] {
            assert_eq!(door(path), None, "{path}");
        }
    }

    #[test]
    fn a_caller_is_who_both_headers_name() {
        let (tenant, object) =
            ("11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555");
        let claims = |object: &str| {
            let tenant = json!({ "typ": "http://schemas.microsoft.com/identity/claims/tenantid", "val": tenant });
            let object = json!({ "typ": "oid", "val": object });
            BASE64_STANDARD
                .encode(json!({ "auth_typ": "aad", "claims": [tenant, object] }).to_string())
        };
        let headers = |id: &str, principal: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-ms-client-principal-id", id.parse().unwrap());
            headers.insert("x-ms-client-principal", principal.parse().unwrap());
            headers
        };
        let mut twice = headers(object, &claims(object));
        twice.append("x-ms-client-principal-id", tenant.parse().unwrap());

        let found = principal(&headers(object, &claims(object)));

        assert_eq!(found.unwrap().to_string(), format!("{tenant}/{object}"));
        assert_eq!(principal(&headers(tenant, &claims(object))), None);
        assert_eq!(principal(&headers(object, "no base64")), None);
        assert_eq!(principal(&twice), None);
        assert_eq!(principal(&HeaderMap::new()), None);
    }
}
