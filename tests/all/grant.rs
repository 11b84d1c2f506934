//! What is granted to whom, as a person runs it: commands, grants in a tenant's directory, and who of a
//! provider's customers must consent again.

use crate::support::service::{command, environment};
use crate::support::{self, Folder};
use crate::tenants::{customers, entry, microsoft as of_provider, provider, write};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};
use std::os::unix::fs::PermissionsExt;

type Environment = Vec<(String, String)>;
type Printed = (Option<i32>, String, String);

/// Runs `posture grant` to its end.
async fn grant(environment: &Environment, arguments: &[&str]) -> Printed {
    let mut command = command(environment);
    command.arg("grant").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The settings of a deployment with a user-assigned identity and every source.
fn deployment(microsoft: &Simulator, folder: &Folder) -> Environment {
    let mut environment = environment(microsoft, &folder.url());
    for (name, value) in
        [("AZURE_CLIENT_ID", support::tenant(0).client_id), ("POSTURE_SOURCES", "all".to_owned())]
    {
        environment.push((name.to_owned(), value));
    }
    environment
}

/// The same with a developer signed in to the Azure CLI.
fn signed_in(
    environment: &Environment,
    microsoft: &Simulator,
    bin: &Folder,
    may_grant: bool,
) -> (Environment, String) {
    let token = microsoft.developer_token(&support::tenant(0).id, may_grant).unwrap();
    let answer = json!({
        "accessToken": token, "expiresOn": "2099-01-01 00:00:00.000000",
        "expires_on": 4_070_908_800_u64, "tokenType": "Bearer",
    });
    std::fs::write(bin.path().join("token.json"), answer.to_string()).unwrap();
    let az = bin.path().join("az");
    std::fs::write(&az, "#!/bin/sh\nexec cat \"$(dirname \"$0\")/token.json\"\n").unwrap();
    std::fs::set_permissions(&az, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut environment = environment.clone();
    environment.push(("PATH".to_owned(), format!("{}:/bin:/usr/bin", bin.path().display())));
    (environment, token)
}

/// Names and ids of the app roles of a set in `permissions.json`.
fn app_roles(set: &str) -> Vec<(String, String)> {
    let all = posture::permissions::json();
    let apis = all[set]["apis"].as_array().unwrap();
    let roles = apis.iter().flat_map(|api| api["appRoles"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    roles.map(|role| (text(&role["name"]), text(&role["id"]))).collect()
}

fn posts(microsoft: &Simulator) -> usize {
    microsoft
        .requests()
        .iter()
        .filter(|seen| seen.api == Api::Graph && seen.method == "POST")
        .count()
}

#[tokio::test]
async fn the_commands_name_every_role_once_with_what_needs_it() {
    let microsoft = support::microsoft(1).await;
    let folder = Folder::new();

    let (code, output, errors) = grant(&deployment(&microsoft, &folder), &[]).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for (name, id) in app_roles("collect") {
        assert_eq!(output.matches(&id).count(), 1, "{name}: {output}");
        assert_eq!(output.matches(&format!("# {name} of ")).count(), 1, "{name}: {output}");
    }
    for (name, id) in app_roles("act") {
        assert!(!output.contains(&id), "{name} acts: {output}");
    }
    let root = format!("managementGroups/{}\"", support::tenant(0).id);
    assert!(
        output.contains("--role 39bc4728-0917-49c7-9d2c-d95423bc2eb4") && output.contains(&root)
    );
    for rule in microsoft.rules() {
        assert!(output.contains(&format!("immutableId=='{rule}'")), "{rule}: {output}");
    }
    assert!(
        output.contains("for defender.exposure_score, defender.device_secure_score"),
        "{output}"
    );
    assert_eq!(microsoft.requests(), [], "nobody is asked");
}

#[tokio::test]
async fn only_what_the_enabled_sources_need_is_granted_and_only_once() {
    let microsoft = support::microsoft(1).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    let own = support::tenant(0);
    microsoft.set_roles(&own.id, &["Score.Read.All", "Alert.Read.All"]);
    let (environment, token) = signed_in(&deployment(&microsoft, &folder), &microsoft, &bin, true);

    let first = grant(&environment, &["--apply"]).await;
    let granted = posts(&microsoft);
    let second = grant(&environment, &["--apply"]).await;

    assert_eq!((first.0, second.0), (Some(0), Some(0)), "{first:?} {second:?}");
    assert!(first.1.contains("Score.Read.All of Microsoft Defender for Endpoint: there already"));
    assert!(first.1.contains("Machine.Read.All of Microsoft Defender for Endpoint: granted"));
    let mut held = microsoft.held(&own.id, &own.client_id);
    let mut wanted: Vec<_> = app_roles("collect").into_iter().map(|(name, _)| name).collect();
    assert_eq!(granted, wanted.len() - 1);
    wanted.push("Alert.Read.All".to_owned());
    held.sort();
    wanted.sort();
    assert_eq!(held, wanted);
    assert_eq!(posts(&microsoft), granted, "the second run grants nothing");
    assert!(!second.1.contains(": granted"), "{}", second.1);
    assert!(second.1.contains("az role assignment create"), "Azure's roles stay a command");
    assert!(![first.1, first.2, second.1].concat().contains(&token));
}

#[tokio::test]
async fn a_grant_whose_answer_is_lost_counts_as_there() {
    let microsoft = support::microsoft(1).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    let own = support::tenant(0);
    microsoft.set_roles(&own.id, &[]);
    let (environment, _) = signed_in(&deployment(&microsoft, &folder), &microsoft, &bin, true);
    // The identity, what it holds, the first service; then the first grant.
    let first_grant =
        Fault::new(Api::Graph, "/v1.0/servicePrincipals", FaultKind::CutBody).after(3);
    microsoft.inject(first_grant);

    let (code, output, errors) = grant(&environment, &["--apply"]).await;

    assert_eq!(code, Some(0), "{output}{errors}");
    assert_eq!(microsoft.held(&own.id, &own.client_id).len(), app_roles("collect").len());
    assert_eq!(output.matches("there already").count(), 1, "{output}");
}

#[tokio::test]
async fn roles_that_act_go_to_the_action_identity_alone() {
    let microsoft = support::microsoft(1).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    let own = support::tenant(0);
    let acting = microsoft.action_client(&own.id).unwrap();
    let (environment, _) = signed_in(&deployment(&microsoft, &folder), &microsoft, &bin, true);
    let act = ["--apply", "--act", "isolate,release"];

    let nobody = grant(&environment, &act).await;
    let principal = microsoft.identity_principal();
    let same = [&act[..], &["--act-identity", &principal]].concat();
    let same = grant(&environment, &same).await;
    let before = posts(&microsoft);
    let right = grant(&environment, &[&act[..], &["--act-identity", &acting]].concat()).await;

    assert_eq!((nobody.0, same.0, before), (Some(1), Some(1), 0));
    assert!(nobody.2.contains("POSTURE_ACTION_CLIENT_ID"), "{}", nobody.2);
    assert!(same.2.contains("an identity of their own"), "another name of the same: {}", same.2);
    assert_eq!(right.0, Some(0), "{}{}", right.1, right.2);
    assert_eq!(microsoft.held(&own.id, &acting), ["Machine.Isolate"]);
    let held = microsoft.held(&own.id, &own.client_id);
    assert!(!held.iter().any(|role| role == "Machine.Isolate"), "{held:?}");
}

#[tokio::test]
async fn a_developer_who_may_not_grant_is_told_the_directory_role() {
    let microsoft = support::microsoft(1).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    let own = support::tenant(0);
    microsoft.set_roles(&own.id, &[]);
    let (environment, token) = signed_in(&deployment(&microsoft, &folder), &microsoft, &bin, false);

    let (code, output, errors) = grant(&environment, &["--apply"]).await;
    let elsewhere = ["--apply", "--identity", "99999999-2222-3333-4444-555555555555"];
    let unknown = grant(&environment, &elsewhere).await;

    assert_eq!(code, Some(1), "{output}");
    for words in ["403 Authorization_RequestDenied", "Privileged Role Administrator", "az login"] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    assert!(!errors.contains(&token) && errors.lines().count() == 1, "{errors}");
    assert!(unknown.2.contains("no service principal 99999999"), "{}", unknown.2);
    assert_eq!(microsoft.held(&own.id, &own.client_id), [""; 0]);
}

#[tokio::test]
async fn a_tenant_that_never_had_defender_gets_the_rest() {
    let microsoft = support::microsoft(1).await;
    let (folder, bin) = (Folder::new(), Folder::new());
    let own = support::tenant(0);
    microsoft.set_roles(&own.id, &[]);
    microsoft.without_defender(&own.id);
    let (environment, _) = signed_in(&deployment(&microsoft, &folder), &microsoft, &bin, true);

    let (code, output, _) = grant(&environment, &["--apply"]).await;

    assert_eq!(code, Some(1), "somebody has to act");
    assert!(output.contains("ThreatHunting.Read.All of Microsoft Graph: granted"), "{output}");
    let create = "`az ad sp create --id fc780465-2017-40d4-a0c5-307022471b92`";
    assert!(output.contains(create), "{output}");
}

#[tokio::test]
async fn a_provider_learns_who_must_consent_again() {
    let customers = customers(3, 1);
    let microsoft = of_provider(&customers).await;
    let folder = Folder::new();
    let stranger = json!({ "id": "99999999-2222-3333-4444-555555555555", "name": "Stranger" });
    let off = json!({ "id": customers[2].id, "name": "Off", "enabled": false });
    write(&folder, &[entry(&customers[0]), entry(&customers[1]), stranger, off]);
    microsoft.set_roles(&customers[1].id, &["Machine.Read.All"]);
    let environment = provider(&microsoft, &folder, "defender.devices,graph.alerts");

    let (code, output, _) = grant(&environment, &[]).await;
    let roles: Vec<&str> = customers[0].roles.iter().map(String::as_str).collect();
    microsoft.set_roles(&customers[1].id, &roles);
    write(&folder, &[entry(&customers[0]), entry(&customers[1])]);
    let mended = grant(&environment, &[]).await;
    let apply = grant(&environment, &["--apply"]).await;

    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains(&format!("{}): has consented to everything", customers[0].id)));
    let again =
        format!("{}): must consent again, lacks\n  SecurityAlert.Read.All", customers[1].id);
    assert!(output.contains(&again), "{output}");
    assert_eq!(output.matches("must consent again").count(), 1, "{output}");
    assert_eq!(output.matches("Machine.Read.All").count(), 0, "{output}");
    let link = format!(
        "https://login.microsoftonline.com/{}/adminconsent?client_id={}",
        customers[1].id, customers[1].client_id
    );
    assert!(output.contains(&link), "{output}");
    assert!(
        output.contains("Stranger (99999999-2222-3333-4444-555555555555): can't be told: no token")
    );
    assert!(output.contains("90002") && !output.contains("Off ("), "{output}");
    assert_eq!(mended.0, Some(0), "{}", mended.1);
    assert!(apply.2.contains("name one by --tenant"), "{}", apply.2);
    assert!(!output.contains("simulated-secret"), "{output}");
}

#[tokio::test]
async fn a_customer_is_told_all_that_it_has_to_do() {
    let customers = customers(1, 1);
    let microsoft = of_provider(&customers).await;
    let folder = Folder::new();
    let (id, client) = (&customers[0].id, &customers[0].client_id);
    let mut own = entry(&customers[0]);
    own["managementGroup"] = json!("fabrikam-root");
    own["workspace"] = json!({
        "endpoint": "https://fabrikam.ingest.monitor.azure.com",
        "rules": ["dcr-0000000000000000000000000000000f"],
        "credential": {
            "kind": "client-secret", "clientId": client,
            "clientSecret": "@vault:https://provider.vault.azure.net/secrets/app",
        },
    });
    write(&folder, &[own]);
    let environment = provider(&microsoft, &folder, "all");

    let (code, output, errors) = grant(&environment, &["--tenant", id]).await;

    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    for (name, role) in app_roles("collect") {
        assert_eq!(output.matches(&format!("#   {name} {role}, for ")).count(), 1, "{output}");
        assert!(output.contains(&format!("{role}=Role")), "{output}");
    }
    for words in [
        format!("https://login.microsoftonline.com/{id}/adminconsent?client_id={client}"),
        format!(
            "az ad app permission add --id {client} --api fc780465-2017-40d4-a0c5-307022471b92"
        ),
        "managementGroups/fabrikam-root\"".to_owned(),
        "immutableId=='dcr-0000000000000000000000000000000f'".to_owned(),
        "--role 3913510d-42f4-4e42-8a64-420c390055eb".to_owned(),
        "has consented to everything".to_owned(),
    ] {
        assert!(output.contains(&words), "{words}: {output}");
    }
    assert!(!output.contains(&microsoft.rules()[0]), "the provider's own rules: {output}");
}
