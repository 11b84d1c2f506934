//! What a tenant of the file must hold to beyond the types of its fields. Pure.

use super::{CallerId, Channel, Definition, TeamsChannel};
use crate::tenant::Caller;

/// That no secret stands in the file.
pub(super) fn no_secrets(tenant: &Definition) -> Result<(), String> {
    let workspace = tenant.workspace.as_ref().and_then(Option::as_ref);
    let blocks = [
        ("credential", tenant.credential.as_ref()),
        ("workspace.credential", workspace.and_then(|workspace| workspace.credential.as_ref())),
        ("actionCredential", tenant.action_credential.as_ref()),
    ];
    for (block, credential) in blocks {
        let Some(credential) = credential else { continue };
        let fields = [
            ("clientSecret", &credential.client_secret),
            ("clientCertificatePassword", &credential.client_certificate_password),
            ("refreshToken", &credential.refresh_token),
        ];
        for (field, value) in fields {
            if value.as_ref().is_some_and(|value| !value.trim().starts_with("@vault:")) {
                return Err(format!(
                    "field {block}.{field}: no secret belongs in this file, put it into Key Vault \
                     and write @vault:<secret-uri>"
                ));
            }
        }
        if credential.client_certificate.as_ref().is_some_and(|text| may_hold_a_key(text.trim())) {
            return Err(format!(
                "field {block}.clientCertificate: no private key belongs in this file, put it into \
                 Key Vault and write @vault:<secret-uri>"
            ));
        }
    }
    Ok(())
}

/// Whether a certificate's text may have its private key in it. PKCS#12 in base64 doesn't show what it holds.
fn may_hold_a_key(text: &str) -> bool {
    let is_elsewhere = text.starts_with("@vault:") || text.starts_with("file:///");
    let is_public = text.starts_with("-----BEGIN CERTIFICATE") && !text.contains("PRIVATE KEY");
    !is_elsewhere && !is_public
}

/// The identities of a field: who may ask for the tenant, or for actions there.
pub(super) fn callers(field: &str, callers: &[CallerId]) -> Result<Vec<Caller>, String> {
    callers
        .iter()
        .enumerate()
        .map(|(index, caller)| {
            let parsed = format!("{}/{}", caller.tenant, caller.object).parse();
            parsed.map_err(|_| {
                format!("field {field}[{index}]: `tenant` and `object` are both GUIDs, one isn't")
            })
        })
        .collect()
}

/// That each notice has something to tell and somebody to be told.
pub(super) fn notices(tenant: &Definition) -> Result<(), String> {
    for (index, notice) in tenant.notices.iter().enumerate() {
        if notice.recipients.is_empty() || notice.severity.is_empty() {
            return Err(format!(
                "field notices[{index}]: it has no recipient or no severity, give one or more"
            ));
        }
        let is_mail = |text: &String| {
            text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        };
        let is_channel = |link: &String| TeamsChannel::read(link).is_some();
        let (fit, expected) = match notice.channel {
            Channel::Mail => {
                (notice.recipients.iter().all(is_mail), "mail address, like soc@contoso.example")
            }
            Channel::Teams => (
                notice.recipients.iter().all(is_channel),
                "link to a channel, like https://teams.microsoft.com/l/channel/…?groupId=…",
            ),
        };
        if !fit {
            return Err(format!("field notices[{index}].recipients: one is no {expected}"));
        }
    }
    Ok(())
}
