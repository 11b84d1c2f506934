//! Address and tag of the release stand in one file; the buttons and the package follow it.

use super::{deployment, json, of_type, root, tools};

/// Every character but letters and digits, as the portal's address wants it.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn text(key: &str) -> String {
    json("infra/release.json")[key].as_str().unwrap().to_owned()
}

fn button(portal: &str) -> String {
    let file = |name: &str| encoded(&format!("{}/{}/infra/{name}", text("raw"), text("tag")));
    format!(
        "{portal}/#create/Microsoft.Template/uri/{}/createUIDefinitionUri/{}",
        file("azuredeploy.json"),
        file("createUiDefinition.json")
    )
}

#[test]
fn the_buttons_lead_to_the_templates_of_the_release() {
    for page in ["README.md", "docs/deploy.md"] {
        let there = std::fs::read_to_string(root().join(page)).unwrap();
        for portal in ["https://portal.azure.com", "https://portal.azure.us"] {
            let button = button(portal);
            assert!(there.contains(&format!("]({button})")), "{page} lacks {button}");
            assert_eq!(
                there.matches(&format!("{portal}/#create/")).count(),
                1,
                "{page} has another button"
            );
        }
    }
}

#[test]
fn step_one_clones_the_release_that_the_button_deploys() {
    let page = std::fs::read_to_string(root().join("docs/deploy.md")).unwrap();
    let line =
        format!("git clone --depth 1 --branch {} {} posture", text("tag"), text("repository"));

    assert!(page.contains(&line), "docs/deploy.md lacks {line}");
}

#[test]
fn the_tag_is_the_packages_version() {
    let tag = text("tag");

    assert_eq!(tag.strip_prefix('v'), Some(env!("CARGO_PKG_VERSION")));
    assert!(text("repository").starts_with("https://") && text("raw").starts_with("https://"));
    assert_eq!(text("package"), "released-package.zip", "the deployment service wants this name");
}

#[test]
fn the_package_is_the_releases_unless_a_parameter_says_another() {
    let Some(tools) = tools() else { return };
    let package = |more: &[&str]| {
        let deployed = deployment(&tools, "identity-given", more);
        of_type(&deployed, "Microsoft.Web/sites/extensions")
            .first()
            .map(|code| code["properties"]["packageUri"].as_str().unwrap().to_owned())
    };
    let own = "https://files.contoso.example/released-package.zip";

    let released =
        format!("{}/releases/download/{}/released-package.zip", text("repository"), text("tag"));
    assert_eq!(package(&[]), Some(released));
    assert_eq!(package(&["--param", &format!("packageUri={own}")]).as_deref(), Some(own));
    assert_eq!(package(&["--param", "deployCode=false"]), None);
}

#[test]
fn no_other_file_of_the_template_names_the_repository() {
    let repository = text("repository");
    for folder in ["infra", "infra/modules"] {
        for file in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = file.unwrap().path();
            let is_bicep = path.extension().is_some_and(|extension| extension == "bicep");
            let holds = is_bicep && std::fs::read_to_string(&path).unwrap().contains(&repository);
            assert!(!holds, "{} repeats what release.json says", path.display());
        }
    }
}
