//! The exact command that grants one role, for a POSIX shell with the Azure CLI signed in.

use crate::cloud::Cloud;
use crate::permissions::application;
use crate::source::{Api, Permission};
use crate::tenant::Scope;

/// Azure's role for whoever sends rows by a collection rule.
pub const PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";

/// Who gets a role, and where.
#[derive(Clone, Copy, Debug)]
pub struct Grantee<'a> {
    /// The identity's client id, or the object id of its service principal.
    pub identity: &'a str,
    /// The tenant whose data it reads.
    pub tenant: &'a str,
    /// The tenant's cloud.
    pub cloud: &'static Cloud,
    /// The tenant's Azure subscriptions; all of them where none is named.
    pub azure: &'a Scope,
}

/// The command that grants `permission` of `api`: one line, or one for each subscription.
///
/// <https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignedto>
pub fn command(permission: Permission, api: Api, to: &Grantee) -> String {
    match (permission, application(api)) {
        (Permission::AppRole(_, role), Some((_, resource))) => app_role(role, resource, to),
        (Permission::Nothing, _) => String::new(),
        (Permission::AppRole(_, role) | Permission::AzureRole(_, role), _) => {
            let scopes = scopes(to);
            let commands: Vec<_> =
                scopes.iter().map(|scope| azure_role(role, to.identity, scope)).collect();
            commands.join("\n")
        }
    }
}

/// The command that lets an identity send rows by the collection rule of that immutable id.
pub fn publisher(rule: &str, identity: &str) -> String {
    let scope = format!(
        "$(az monitor data-collection rule list --query \"[?immutableId=='{rule}'].id\" --output tsv)"
    );
    azure_role(PUBLISHER, identity, &scope)
}

/// Where the tenant's subscriptions are below: they themselves, their management group, or the root,
/// whose name is the tenant's id.
///
/// <https://learn.microsoft.com/azure/governance/management-groups/overview>
fn scopes(to: &Grantee) -> Vec<String> {
    let group = |name: &str| format!("/providers/Microsoft.Management/managementGroups/{name}");
    match (to.azure.management_group(), to.azure.named()) {
        (Some(name), _) => vec![group(name)],
        (None, []) => vec![group(to.tenant)],
        (None, named) => named.iter().map(|id| format!("/subscriptions/{id}")).collect(),
    }
}

/// `az ad sp show` takes a client id as well as an object id.
fn principal(identity: &str) -> String {
    format!("$(az ad sp show --id {identity} --query id --output tsv)")
}

fn app_role(role: &str, resource: &str, to: &Grantee) -> String {
    let (graph, resource, principal) =
        (to.cloud.graph, principal(resource), principal(to.identity));
    format!(
        "resource={resource} && principal={principal} && \
         az rest --method POST --resource {graph} \
         --url \"{graph}/v1.0/servicePrincipals/$resource/appRoleAssignedTo\" \
         --body \"{{\\\"principalId\\\":\\\"$principal\\\",\\\"resourceId\\\":\\\"$resource\\\",\
         \\\"appRoleId\\\":\\\"{role}\\\"}}\""
    )
}

fn azure_role(role: &str, identity: &str, scope: &str) -> String {
    let principal = principal(identity);
    format!(
        "az role assignment create --assignee-object-id \"{principal}\" \
         --assignee-principal-type ServicePrincipal --role {role} --scope \"{scope}\""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Permission =
        Permission::AzureRole("Security Reader", "39bc4728-0917-49c7-9d2c-d95423bc2eb4");

    fn grantee(azure: &Scope) -> Grantee<'_> {
        let cloud = Cloud::named("gcc-high").unwrap();
        Grantee { identity: "0b5c1c0e", tenant: "11111111", cloud, azure }
    }

    #[test]
    fn an_app_role_is_granted_through_the_tenants_own_graph() {
        let permission = Permission::AppRole("Score.Read.All", "02b005dd");

        let text = command(permission, Api::Defender, &grantee(&Scope::default()));

        assert_eq!(
            text,
            "resource=$(az ad sp show --id fc780465-2017-40d4-a0c5-307022471b92 --query id --output tsv) && \
             principal=$(az ad sp show --id 0b5c1c0e --query id --output tsv) && \
             az rest --method POST --resource https://graph.microsoft.us \
             --url \"https://graph.microsoft.us/v1.0/servicePrincipals/$resource/appRoleAssignedTo\" \
             --body \"{\\\"principalId\\\":\\\"$principal\\\",\\\"resourceId\\\":\\\"$resource\\\",\
             \\\"appRoleId\\\":\\\"02b005dd\\\"}\""
        );
    }

    #[test]
    fn an_azure_role_is_granted_where_the_tenants_subscriptions_are() {
        let two = Scope::subscriptions(vec!["aa".to_owned(), "bb".to_owned()]);
        let at = |azure: &Scope| command(READER, Api::Arm, &grantee(azure));

        assert!(at(&Scope::default()).ends_with("managementGroups/11111111\""), "the root's name");
        assert!(at(&Scope::group("fabrikam".to_owned())).ends_with("managementGroups/fabrikam\""));
        let each = at(&two);
        let each: Vec<_> = each.lines().collect();
        assert!(each[0].ends_with("\"/subscriptions/aa\"") && each[1].ends_with("/bb\""));
        assert!(each[0].contains("--role 39bc4728-0917-49c7-9d2c-d95423bc2eb4"), "{}", each[0]);
    }
}
