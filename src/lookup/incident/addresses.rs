//! The devices at an incident's addresses.

use super::context::AddressContext;
use super::few_at_once;
use crate::lookup::Lookup;
use crate::lookup::gap::Gap;
use crate::lookup::machine::Device;
use crate::lookup::named::Named;
use crate::source::DEVICES;
use std::net::IpAddr;
use std::sync::Arc;

/// Devices of an address that an answer names at most.
const MOST_DEVICES: usize = 5;

impl Lookup<'_> {
    /// Addresses inside are looked up; those outside, and what Defender refuses, are looked for among the
    /// kept devices.
    pub(super) async fn of_addresses(&self, addresses: &[IpAddr]) -> Vec<AddressContext> {
        let live = few_at_once(addresses.iter().map(|address| self.inside(address))).await;
        let mut all: Vec<AddressContext> = Vec::new();
        let mut open = Vec::new();
        for (address, found) in addresses.iter().zip(live) {
            let mut context =
                AddressContext { address: *address, total: 0, devices: Vec::new(), problem: None };
            match found {
                Some(Ok(devices)) => devices.into_iter().for_each(|device| context.take(device)),
                Some(Err(gap)) => {
                    context.problem = Some(gap.to_string());
                    open.push(all.len());
                }
                None => open.push(all.len()),
            }
            all.push(context);
        }
        if !open.is_empty() {
            self.at_addresses(&mut all, &open).await;
        }
        all
    }

    /// The devices at an address inside; nothing for one outside.
    async fn inside(&self, address: &IpAddr) -> Option<Result<Vec<Device>, Gap>> {
        match is_inside(address) {
            true => Some(self.devices_live(&Named::Address(*address)).await),
            false => None,
        }
    }

    /// Fills these of the addresses from the kept devices.
    async fn at_addresses(&self, all: &mut [AddressContext], open: &[usize]) {
        let snapshot = match self.snapshot(DEVICES) {
            Ok(snapshot) => snapshot,
            Err(gap) => {
                for index in open {
                    let context = &mut all[*index];
                    context.problem = context.problem.take().or(Some(gap.to_string()));
                }
                return;
            }
        };
        let meant: Vec<IpAddr> = open.iter().map(|index| all[*index].address).collect();
        let read = Arc::new(move |line: &[u8]| {
            let device = Device::read(line)?;
            let outside = device.last_external_ip_address.as_deref();
            let outside = outside.and_then(|text| text.parse::<IpAddr>().ok());
            let is = |address: &IpAddr| {
                outside.as_ref() == Some(address) || device.is(&Named::Address(*address))
            };
            meant.iter().position(is).map(|place| (place, device))
        });
        let mut found = Vec::new();
        let scanned = self.scan(&snapshot, None, read, |one| found.push(one)).await;
        for index in open {
            all[*index].problem = scanned.as_ref().err().map(Gap::to_string);
        }
        for (place, device) in found {
            all[open[place]].take(device);
        }
    }
}

impl AddressContext {
    fn take(&mut self, device: Device) {
        self.total += 1;
        if self.devices.len() < MOST_DEVICES {
            self.devices.push(device);
        }
    }
}

/// Whether an address is one that no network outside routes.
fn is_inside(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_inside_or_outside() {
        for (address, inside) in [
            ("10.1.2.3", true),
            ("192.168.0.1", true),
            ("203.0.113.7", false),
            ("fd00::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_inside(&address.parse().unwrap()), inside, "{address}");
        }
    }
}
