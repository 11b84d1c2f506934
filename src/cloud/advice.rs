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
            "the client secret has expired: create a new one and set POSTURE_CLIENT_SECRET"
        }
        7_000_218 => "no credential was sent: set POSTURE_CREDENTIAL and what it needs",
        700_027 => "the certificate isn't registered: upload its public part to the application",
        700_024 => "the assertion is too early or too late: set this machine's clock",
        70_021 | 700_211 | 700_213 => {
            "no federated credential fits: compare its issuer, subject and audience"
        }
        700_229 => "the assertion is no app-only token: use a managed identity's",
        700_016 => {
            "the application isn't in this tenant: check POSTURE_CLIENT_ID and POSTURE_TENANT_ID, or \
             let an administrator of the tenant consent"
        }
        7_000_112 => "the application is disabled: enable the enterprise application",
        90_002 => "the tenant wasn't found: check POSTURE_TENANT_ID and POSTURE_CLOUD",
        90_038 | 900_382 | 900_432 => "the tenant is in another cloud: set POSTURE_CLOUD",
        65_001 => "nobody has consented: let an administrator grant admin consent",
        500_011 | 650_052 | 650_057 => {
            "the tenant doesn't have this API: check its licence and the application's permissions"
        }
        70_011 => "the scope is wrong: check POSTURE_CLOUD",
        53_003 => "conditional access blocks the sign-in: exclude the application",
        _ => "look the code up at https://login.microsoftonline.com/error",
    }
}

/// Whether the service asks to come back later, so that nobody has to do anything.
pub fn is_passing(code: u32) -> bool {
    matches!(code, 90_055 | 50_196 | 90_033 | 90_006)
}
