//! Tactics and techniques of MITRE ATT&CK, as Sentinel takes them.

/// Sentinel's tactics, each with the techniques of the Enterprise matrix that it holds and that content of ours may
/// name.
///
/// <https://attack.mitre.org/matrices/enterprise/>
const TACTICS: &[(&str, &[&str])] = &[
    ("Reconnaissance", &["T1589", "T1590", "T1591", "T1592", "T1595"]),
    ("ResourceDevelopment", &["T1583", "T1584", "T1586", "T1587", "T1588", "T1608"]),
    ("InitialAccess", &["T1078", "T1133", "T1189", "T1190", "T1195", "T1199", "T1566"]),
    ("Execution", &["T1059", "T1072", "T1106", "T1203", "T1204", "T1569"]),
    ("Persistence", &["T1078", "T1098", "T1133", "T1136", "T1176", "T1505", "T1543", "T1556"]),
    ("PrivilegeEscalation", &["T1055", "T1068", "T1078", "T1098", "T1134", "T1484", "T1548"]),
    ("DefenseEvasion", &["T1070", "T1078", "T1112", "T1484", "T1553", "T1556", "T1562", "T1578"]),
    ("CredentialAccess", &["T1003", "T1110", "T1539", "T1552", "T1555", "T1556", "T1557", "T1649"]),
    ("Discovery", &["T1046", "T1082", "T1518", "T1526", "T1538", "T1580"]),
    ("LateralMovement", &["T1021", "T1072", "T1210", "T1550", "T1570"]),
    ("Collection", &["T1005", "T1114", "T1185", "T1213", "T1530", "T1557"]),
    ("CommandAndControl", &["T1071", "T1090", "T1102", "T1105", "T1219", "T1573"]),
    ("Exfiltration", &["T1041", "T1048", "T1537", "T1567"]),
    ("Impact", &["T1485", "T1486", "T1489", "T1490", "T1498", "T1499", "T1531"]),
];

/// Whether tactics and techniques are known, and each technique belongs to one of the tactics.
///
/// # Errors
///
/// The name that is wrong.
pub fn check(tactics: &[String], techniques: &[String]) -> Result<(), String> {
    let mut of_tactics = Vec::new();
    for tactic in tactics {
        let known = TACTICS.iter().find(|(name, _)| name == tactic);
        let (_, there) = known.ok_or_else(|| format!("{tactic} is no tactic of Sentinel's"))?;
        of_tactics.extend(*there);
    }
    let stray = techniques.iter().find(|technique| !of_tactics.contains(&technique.as_str()));
    stray.map_or(Ok(()), |technique| {
        Err(format!("{technique} belongs to none of the tactics, or isn't listed in mitre.rs"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_technique_needs_its_tactic() {
        let check = |tactics: &[&str], techniques: &[&str]| {
            let owned =
                |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
            check(&owned(tactics), &owned(techniques))
        };

        assert_eq!(check(&["Impact", "InitialAccess"], &["T1190"]), Ok(()));
        assert_eq!(check(&[], &[]), Ok(()));
        assert!(check(&["Impact"], &["T1190"]).unwrap_err().contains("T1190"));
        assert!(check(&["Chaos"], &[]).unwrap_err().contains("Chaos"));
    }
}
