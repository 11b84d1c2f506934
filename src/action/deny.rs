//! Devices that no action touches: by tag, group, name, role and criticality. Pure.

use super::{Criticality, Device};
use std::fmt;

/// Rules of which each forbids the devices that it fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deny(Vec<Rule>);

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Devices with this tag.
    Tag(String),
    /// Devices of this group.
    Group(String),
    /// Devices whose name fits, `*` for any letters.
    Name(String),
    /// Domain controllers.
    DomainController,
    /// Devices at least that critical: 0 is very high, 3 is low.
    Criticality(u8),
}

/// The levels of criticality, the highest first.
const LEVELS: [&str; 4] = ["very-high", "high", "medium", "low"];

impl Deny {
    /// The rules that hold where nothing is set.
    pub const DEFAULT: &'static str = "role:domain-controller,criticality:very-high";

    /// Reads rules: `tag:<tag>`, `group:<name>`, `name:<pattern>`, `role:domain-controller`,
    /// `criticality:very-high|high|medium|low`; `none` alone for no rule at all.
    ///
    /// # Errors
    ///
    /// What is wrong with the first rule that is none.
    pub fn read<'a>(rules: impl IntoIterator<Item = &'a str>) -> Result<Deny, String> {
        let rules: Vec<_> =
            rules.into_iter().map(str::trim).filter(|one| !one.is_empty()).collect();
        match rules.as_slice() {
            ["none"] => Ok(Deny::default()),
            rules => rules.iter().map(|text| rule(text)).collect::<Result<_, _>>().map(Deny),
        }
    }

    /// These rules and those.
    pub fn and(mut self, other: Deny) -> Deny {
        self.0.extend(other.0);
        self
    }

    /// Whether a rule needs to know how critical a device is.
    pub fn asks_criticality(&self) -> bool {
        let asks = |rule: &Rule| matches!(rule, Rule::DomainController | Rule::Criticality(_));
        self.0.iter().any(asks)
    }

    /// Why a device is forbidden; nothing where it isn't. Where a rule asks for something that nobody
    /// knows of the device, it fits.
    pub fn forbids(&self, device: &Device, criticality: &Criticality) -> Option<String> {
        let fitting = self.0.iter().find(|rule| rule.fits(device, criticality))?;
        Some(format!("the device is on the deny list ({fitting})"))
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    let (kind, value) = text.split_once(':').unwrap_or((text, ""));
    let value = value.trim();
    match (kind.trim().to_ascii_lowercase().as_str(), value) {
        ("role", role) if role.eq_ignore_ascii_case("domain-controller") => {
            Ok(Rule::DomainController)
        }
        ("criticality", level) => {
            let level = LEVELS.iter().position(|known| known.eq_ignore_ascii_case(level));
            let level = level.and_then(|level| level.try_into().ok());
            level
                .map(Rule::Criticality)
                .ok_or_else(|| format!("{text:?} names no level, expected {}", LEVELS.join(", ")))
        }
        ("tag", tag) if !tag.is_empty() => Ok(Rule::Tag(tag.to_owned())),
        ("group", group) if !group.is_empty() => Ok(Rule::Group(group.to_owned())),
        ("name", name) if !name.is_empty() => Ok(Rule::Name(name.to_lowercase())),
        _ => Err(format!(
            "{text:?} is no rule, expected tag:<tag>, group:<name>, name:<pattern>, \
             role:domain-controller or criticality:<level>"
        )),
    }
}

impl Rule {
    fn fits(&self, device: &Device, criticality: &Criticality) -> bool {
        match self {
            Rule::Tag(tag) => match &device.tags {
                Some(tags) => tags.iter().any(|one| same(one, tag)),
                None => true,
            },
            Rule::Group(group) => device.group.as_ref().is_some_and(|one| same(one, group)),
            Rule::Name(pattern) => device.name.as_ref().is_none_or(|name| {
                let name = name.to_lowercase();
                let host = name.split('.').next().unwrap_or_default();
                matches(pattern, &name) || matches(pattern, host)
            }),
            Rule::DomainController => match criticality {
                Criticality::Known { is_domain_controller, .. } => *is_domain_controller,
                Criticality::Unknown(_) => false,
            },
            Rule::Criticality(most) => match criticality {
                Criticality::Known { level, .. } => level.is_some_and(|level| level <= *most),
                Criticality::Unknown(_) => false,
            },
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Tag(tag) => write!(f, "tag:{tag}"),
            Rule::Group(group) => write!(f, "group:{group}"),
            Rule::Name(pattern) => write!(f, "name:{pattern}"),
            Rule::DomainController => f.write_str("role:domain-controller"),
            Rule::Criticality(level) => {
                write!(f, "criticality:{}", LEVELS.get(usize::from(*level)).unwrap_or(&"low"))
            }
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Whether a text fits a pattern in which `*` stands for any letters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut pieces: Vec<_> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match text.find(piece) {
            Some(at) => text = &text[at + piece.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device {
            id: "0".repeat(40),
            name: Some("Srv-Dc01.contoso.example".to_owned()),
            tags: Some(vec!["Pilot".to_owned()]),
            group: Some("Tier 0".to_owned()),
            ..Device::default()
        }
    }

    fn known(level: Option<u8>, is_domain_controller: bool) -> Criticality {
        Criticality::Known { level, is_domain_controller }
    }

    #[test]
    fn each_kind_of_rule_forbids_the_devices_that_it_fits_and_no_others() {
        for (rule, criticality, forbids) in [
            ("tag:pilot", known(None, false), true),
            ("tag:vip", known(None, false), false),
            ("group:tier 0", known(None, false), true),
            ("group:tier 1", known(None, false), false),
            ("name:srv-dc*", known(None, false), true),
            ("name:*.contoso.example", known(None, false), true),
            ("name:srv-dc01", known(None, false), true),
            ("name:dc*", known(None, false), false),
            ("name:s*c*1", known(None, false), true),
            ("role:domain-controller", known(None, true), true),
            ("role:domain-controller", known(Some(0), false), false),
            ("criticality:high", known(Some(1), false), true),
            ("criticality:high", known(Some(0), false), true),
            ("criticality:high", known(Some(2), false), false),
            ("criticality:low", known(None, false), false),
        ] {
            let deny = Deny::read([rule]).unwrap();
            let reason = deny.forbids(&device(), &criticality);
            assert_eq!(reason.is_some(), forbids, "{rule} {criticality:?}");
            assert!(reason.is_none_or(|reason| reason.contains(&format!("({rule})"))), "{rule}");
        }
    }

    #[test]
    fn what_nobody_knows_of_a_device_counts_against_it() {
        let nameless = Device { name: None, tags: None, ..device() };
        for rule in ["tag:vip", "name:zz*"] {
            let deny = Deny::read([rule]).unwrap();
            assert!(deny.forbids(&nameless, &known(None, false)).is_some(), "{rule}");
        }
    }

    #[test]
    fn a_wrong_rule_is_named_and_none_stands_for_no_rule() {
        for wrong in ["vip", "tag:", "role:printer", "criticality:huge", "colour:red"] {
            let problem = Deny::read(["tag:a", wrong]).unwrap_err();
            assert!(problem.contains(wrong), "{problem}");
        }
        assert_eq!(Deny::read(["none"]).unwrap(), Deny::default());
        let both = Deny::read(["tag:a"]).unwrap().and(Deny::read(["criticality:low"]).unwrap());
        assert!(both.asks_criticality() && both != Deny::default());
        assert!(Deny::read(Deny::DEFAULT.split(',')).unwrap().asks_criticality());
    }
}
