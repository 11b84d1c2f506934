//! What a person does about a refusal of the sign-in service.

/// The next step for an `AADSTS` number.
///
/// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
pub fn for_sign_in(code: u32) -> &'static str {
    match code {
        7_000_215 => {
            "the client secret is wrong: set POSTURE_CLIENT_SECRET to the secret's value, not its id"
        }
        7_000_222 => {
            "the client secret or certificate has expired: create a new one and set it, or better use a \
             managed identity"
        }
        7_000_218 => "no credential was sent: set POSTURE_CREDENTIAL and what it needs",
        700_027 => {
            "the certificate isn't registered, or its key is another's: upload its public part to this \
             application and compare the thumbprints"
        }
        700_021 => "the assertion is another application's: check POSTURE_CLIENT_ID",
        700_023 => {
            "the assertion was made for another tenant or cloud: check POSTURE_TENANT_ID and \
             POSTURE_CLOUD"
        }
        50_027 => "the assertion was malformed, or used before: ask again",
        700_024 => "the assertion is too early or too late: set this machine's clock",
        70_021 | 700_211..=700_213 => {
            "no federated credential of the application fits: compare its issuer (the identity's tenant), \
             its subject (the identity's object id) and its audience; a new one works after a few minutes"
        }
        700_229 => "the assertion is no app-only token: use a managed identity's",
        700_016 => {
            "the application isn't in this tenant: check POSTURE_CLIENT_ID and POSTURE_TENANT_ID, or \
             let an administrator of the tenant consent"
        }
        7_000_112 => "the application is disabled: enable the enterprise application",
        90_002 => "the tenant wasn't found: check POSTURE_TENANT_ID and POSTURE_CLOUD",
        90_038 | 900_382 | 900_432 => "the tenant is in another cloud: set POSTURE_CLOUD",
        50_034 => {
            "the user isn't in this tenant: sign in with an account of it by `posture consent`, or let \
             the tenant invite the user"
        }
        65_001 => {
            "nobody has consented: let an administrator of the tenant open the admin consent link of the \
             application"
        }
        500_011 | 650_052 | 650_057 => {
            "the tenant doesn't have this API: check its licence and the application's permissions"
        }
        70_011 => "the scope is wrong: check POSTURE_CLOUD",
        70_008 | 700_082 => {
            "the refresh token has expired, or was unused for too long: run `posture consent` again"
        }
        50_011 => {
            "the redirect isn't registered: add http://localhost to the application's web redirects"
        }
        501_481 => "the code belongs to another sign-in: start `posture consent` again",
        54_005 => "the code was redeemed already: start `posture consent` again",
        700_005 => {
            "the code or refresh token belongs to another tenant: run `posture consent` with this \
             POSTURE_TENANT_ID"
        }
        50_076 | 50_079 => {
            "multi-factor authentication is asked for: run `posture consent` again in a browser"
        }
        53_003 => {
            "conditional access blocks the sign-in: exclude the application, or sign in by `posture \
             consent` from a device that complies"
        }
        70_043 => {
            "the tenant's sign-in frequency has ended the session: run `posture consent` again, or let the \
             tenant exempt the account"
        }
        _ => "look the code up at https://login.microsoftonline.com/error",
    }
}

/// Whether the service asks to come back later, so that nobody has to do anything.
pub fn is_passing(code: u32) -> bool {
    matches!(code, 90_055 | 50_196 | 90_033 | 90_006)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_nobody_knows_leads_to_where_it_is_explained() {
        assert!(for_sign_in(123).ends_with("https://login.microsoftonline.com/error"));
        assert!(!is_passing(123));
    }
}
