//! A channel of Microsoft Teams, by the link that Teams gives of it.

use azure_core::http::Url;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Serialize;

/// A channel of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamsChannel {
    /// The team: the id of its group, a GUID.
    pub group_id: String,
    /// The channel, such as `19:…@thread.tacv2`.
    pub channel_id: String,
}

impl TeamsChannel {
    /// Reads `https://teams.microsoft.com/l/channel/<channel>/<name>?groupId=<team>`, which "Get link to channel"
    /// gives.
    ///
    /// <https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams>
    pub fn read(link: &str) -> Option<TeamsChannel> {
        let url: Url = link.trim().parse().ok()?;
        let is_teams = url.scheme() == "https" && url.host_str()?.starts_with("teams.");
        let mut path = url.path_segments().filter(|_| is_teams)?;
        let is_channel = path.next() == Some("l") && path.next() == Some("channel");
        let channel = path.next().filter(|channel| is_channel && !channel.is_empty())?;
        let channel_id = percent_decode_str(channel).decode_utf8().ok()?.into_owned();
        let group = url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("groupId"))?.1;
        let group_id = crate::tenant::guid(&group)?;
        Some(TeamsChannel { group_id, channel_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_from_its_link_and_from_nothing_else() {
        let link = "https://teams.microsoft.com/l/channel/19%3Aab12%40thread.tacv2/SOC%20alerts?groupId=\
                    11111111-2222-3333-4444-555555555555&tenantId=22222222-2222-3333-4444-555555555555";
        let channel = TeamsChannel::read(link).unwrap();

        assert_eq!(channel.channel_id, "19:ab12@thread.tacv2");
        assert_eq!(channel.group_id, "11111111-2222-3333-4444-555555555555");
        for wrong in [
            link.replace("https", "http"),
            link.replace("teams.", "evil."),
            link.replace("/l/channel/", "/l/chat/"),
            link.replace("11111111-", "1-"),
            "soc@contoso.example".to_owned(),
        ] {
            assert_eq!(TeamsChannel::read(&wrong), None, "{wrong}");
        }
    }
}
