//! The commands by which an administrator gives what lacks. Pure.

use crate::cloud::{Claims, Cloud, Identity};
use crate::grant;
use crate::source::{Api, Permission};
use crate::tenant::{Scope, guid};

/// Who is to get a permission.
#[derive(Clone, Copy, Debug)]
pub struct Grantee<'a> {
    /// The tenant in which.
    pub tenant: &'a str,
    /// Its cloud.
    pub cloud: &'static Cloud,
    /// Which of its Azure subscriptions.
    pub azure: &'a Scope,
    /// As whom its APIs are asked.
    pub identity: &'a Identity,
    /// Whether it is one of many, whose administrators are others.
    pub is_customer: bool,
    /// What its token says, where there is one.
    pub claims: Option<&'a Claims>,
}

impl Grantee<'_> {
    /// How to give it this permission of an API.
    pub fn give(&self, api: Api, needs: Permission) -> String {
        match needs {
            Permission::AzureRole(name, _) => self.azure_role(needs, name),
            Permission::AppRole(name, _) => self.app_role(api, needs, name),
            Permission::Nothing => "nothing is to be granted".to_owned(),
        }
    }

    fn app_role(&self, api: Api, needs: Permission, name: &str) -> String {
        let link = self.identity.application().map(|application| self.consent(application));
        match (link, self.identity) {
            (None, Identity::AzureCli { .. }) => format!(
                "the Azure CLI asks as the signed-in user: sign in as one who may read this, or set \
                 POSTURE_CREDENTIAL to an identity that has {name}"
            ),
            (Some(link), Identity::Delegated { .. }) => {
                format!(
                    "add the delegated permission {name} to the application and consent: {link}"
                )
            }
            (Some(link), _) if self.is_customer => format!(
                "add {name} to the application's permissions, and let an administrator of the tenant \
                 consent again: {link}"
            ),
            _ => format!(
                "`posture grant --apply`, or by hand: `{}`; a new grant may take hours to reach the \
                 tokens",
                self.command(api, needs)
            ),
        }
    }

    fn azure_role(&self, needs: Permission, name: &str) -> String {
        match self.identity {
            Identity::AzureCli { .. } | Identity::Delegated { .. } => format!(
                "assign the signed-in user {name} at the management group or the subscriptions"
            ),
            _ => {
                let commands = self.command(Api::Arm, needs);
                let commands: Vec<_> = commands.lines().map(|line| format!("`{line}`")).collect();
                format!("{}; a new assignment may take minutes", commands.join(" and "))
            }
        }
    }

    fn command(&self, api: Api, needs: Permission) -> String {
        let Grantee { tenant, cloud, azure, .. } = *self;
        let identity = self.principal();
        grant::command(needs, api, &grant::Grantee { identity: &identity, tenant, cloud, azure })
    }

    /// Object id for a command line: nothing else of a token may get there.
    fn principal(&self) -> String {
        let claimed = self.claims.and_then(|claims| guid(&claims.oid));
        claimed.unwrap_or_else(|| "<object id of the identity>".to_owned())
    }

    fn consent(&self, application: &crate::cloud::Application) -> String {
        let (sign_in, tenant, client_id) =
            (self.cloud.sign_in, self.tenant, &application.client_id);
        format!("{sign_in}/{tenant}/adminconsent?client_id={client_id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{AZURE_SUBSCRIPTIONS, DEVICES};

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";
    const OBJECT: &str = "99999999-2222-3333-4444-555555555555";

    fn grantee<'a>(identity: &'a Identity, azure: &'a Scope, claims: &'a Claims) -> Grantee<'a> {
        let cloud = Cloud::named("public").unwrap();
        let (is_customer, claims) = (false, Some(claims));
        Grantee { tenant: TENANT, cloud, azure, identity, is_customer, claims }
    }

    #[test]
    fn an_app_role_is_given_by_a_command_with_the_ids_that_it_needs() {
        let (azure, identity) = (Scope::default(), Identity::ManagedIdentity { client_id: None });
        let claims = Claims { oid: OBJECT.to_owned(), ..Claims::default() };
        let unsafe_claims = Claims { oid: "`rm -r`".to_owned(), ..Claims::default() };

        let text = grantee(&identity, &azure, &claims).give(Api::Defender, DEVICES.needs);
        let unknown = grantee(&identity, &azure, &unsafe_claims).give(Api::Defender, DEVICES.needs);

        let Permission::AppRole(_, role) = DEVICES.needs else { panic!("an app role") };
        assert!(text.starts_with("`posture grant --apply`, or by hand: `resource=$(az ad sp show"));
        for id in [OBJECT, role, "fc780465-2017-40d4-a0c5-307022471b92"] {
            assert!(text.contains(id), "{id}: {text}");
        }
        assert!(unknown.contains("<object id of the identity>") && !unknown.contains("rm -r"));
    }

    #[test]
    fn a_customer_gets_the_link_to_consent_by() {
        let (azure, claims) = (Scope::default(), Claims::default());
        let identity = Identity::client_secret(TENANT, OBJECT, "invented".to_owned());
        let customer = Grantee { is_customer: true, ..grantee(&identity, &azure, &claims) };

        let text = customer.give(Api::Defender, DEVICES.needs);

        let link = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/adminconsent?client_id=99999999-2222-3333-4444-555555555555";
        assert!(text.ends_with(link) && text.contains("Machine.Read.All"), "{text}");
    }

    #[test]
    fn an_azure_role_is_given_where_the_tenants_subscriptions_are() {
        let identity = Identity::ManagedIdentity { client_id: None };
        let claims = Claims { oid: OBJECT.to_owned(), ..Claims::default() };
        let give = |azure: &Scope| {
            let needs = AZURE_SUBSCRIPTIONS.needs;
            grantee(&identity, azure, &claims).give(Api::Arm, needs)
        };

        let all = give(&Scope::default());
        let group = give(&Scope::group("landing-zones".to_owned()));
        let named = give(&Scope::subscriptions(vec!["a".to_owned(), "b".to_owned()]));

        assert!(all.contains(&format!("managementGroups/{TENANT}\"`")), "{all}");
        assert!(group.contains("landing-zones\"`"), "{group}");
        assert!(
            named.contains("/subscriptions/a\"` and ") && named.contains("/subscriptions/b\"`")
        );
        assert!(named.contains(&format!("az ad sp show --id {OBJECT} ")), "{named}");
    }
}
