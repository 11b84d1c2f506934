//! The subscriptions that a tenant's identity sees.

use serde_json::{Value, json};

use crate::generate::Draw;
use crate::scene::Scene;

/// One subscription.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub number: u64,
    pub id: String,
    /// Another one than the reader's where the subscription is delegated.
    pub tenant: String,
    name: String,
}

/// The tenant's own subscriptions and, where it has any, one delegated by another tenant.
pub(crate) fn all(scene: &Scene) -> Vec<Subscription> {
    let own = u64::from(scene.tenant.subscriptions);
    let delegated = u64::from(own > 0);
    let one = |number: u64| {
        let mut draw = Draw::new(scene.tenant.seed, "subscription", number);
        let (id, other) = (draw.guid(), draw.guid());
        let (name, tenant) = match number == own {
            true => ("Delegated by a customer".to_owned(), other),
            false => (format!("{} {}", scene.tenant.name, number + 1), scene.tenant.id.clone()),
        };
        Subscription { number, id, tenant, name }
    };
    (0..own + delegated).map(one).collect()
}

impl Subscription {
    /// One record of `GET /subscriptions`.
    pub(crate) fn record(&self, scene: &Scene) -> Value {
        let is_own = self.tenant == scene.tenant.id;
        let managers = match is_own {
            true => json!([]),
            false => json!([{"tenantId": scene.tenant.id}]),
        };
        json!({
            "id": format!("/subscriptions/{}", self.id), "subscriptionId": self.id,
            "tenantId": self.tenant, "displayName": self.name, "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01",
                "quotaId": "Invented_2014-09-01", "spendingLimit": "Off"},
            "authorizationSource": "RoleBased", "managedByTenants": managers,
        })
    }
}
