//! Device inventory: the devices that Defender for Endpoint knows.

use super::Mapping;
use super::common::{DEVICE, word};
use super::row::{Const, How, Word, always, row};

/// <https://schema.ocsf.io/1.8.0/objects/os>
const SYSTEMS: &[Word] = &[
    word("Windows11", 100, "Windows"),
    word("Windows10", 100, "Windows"),
    word("Windows10WVD", 100, "Windows"),
    word("Windows11WVD", 100, "Windows"),
    word("Windows8.1", 100, "Windows"),
    word("Windows8", 100, "Windows"),
    word("Windows7", 100, "Windows"),
    word("WindowsServer2008R2", 100, "Windows"),
    word("WindowsServer2012", 100, "Windows"),
    word("WindowsServer2012R2", 100, "Windows"),
    word("WindowsServer2016", 100, "Windows"),
    word("WindowsServer2019", 100, "Windows"),
    word("WindowsServer2022", 100, "Windows"),
    word("WindowsServer2025", 100, "Windows"),
    word("Linux", 200, "Linux"),
    word("Ubuntu", 200, "Linux"),
    word("RedHatEnterpriseLinux", 200, "Linux"),
    word("Debian", 200, "Linux"),
    word("SuSE", 200, "Linux"),
    word("CentOS", 200, "Linux"),
    word("Android", 201, "Android"),
    word("macOS", 300, "macOS"),
    word("iOS", 301, "iOS"),
    word("iPadOS", 302, "iPadOS"),
];

/// The platforms that tell what kind of device it is.
const KINDS: &[Word] = &[
    word("WindowsServer2008R2", 1, "Server"),
    word("WindowsServer2012", 1, "Server"),
    word("WindowsServer2012R2", 1, "Server"),
    word("WindowsServer2016", 1, "Server"),
    word("WindowsServer2019", 1, "Server"),
    word("WindowsServer2022", 1, "Server"),
    word("WindowsServer2025", 1, "Server"),
    word("Android", 5, "Mobile"),
    word("iOS", 5, "Mobile"),
    word("iPadOS", 4, "Tablet"),
];

/// <https://schema.ocsf.io/1.8.0/dictionary_attributes/risk_level_id>
const RISKS: &[Word] = &[
    word("None", 0, "Info"),
    word("Informational", 0, "Info"),
    word("Low", 1, "Low"),
    word("Medium", 2, "Medium"),
    word("High", 3, "High"),
];

pub(super) const DEVICES: Mapping = Mapping {
    source: "defender.devices",
    class: &DEVICE,
    product: "Microsoft Defender for Endpoint",
    rows: &[&[
        always("activity_id", Const::Number(2)),
        always("severity_id", Const::Number(1)),
        always("severity", Const::Text("Informational")),
        row(&["id"], "device.uid", How::Text),
        row(&["aadDeviceId"], "device.uid_alt", How::Text),
        row(&["computerDnsName"], "device.hostname", How::Text),
        row(&["computerDnsName"], "device.name", How::Text),
        row(&["lastIpAddress"], "device.ip", How::Text),
        row(&["firstSeen"], "device.first_seen_time", How::Time),
        row(&["lastSeen"], "device.last_seen_time", How::Time),
        row(&["osPlatform"], "device.type_id", How::Among(KINDS)),
        row(&["osPlatform"], "device.os.name", How::Text),
        row(&["osPlatform"], "device.os.type_id", How::Words(SYSTEMS)),
        row(&["version", "osVersion"], "device.os.version", How::Text),
        row(&["osBuild"], "device.os.build", How::Text),
        row(&["osProcessor"], "device.hw_info.cpu_type", How::Text),
        row(&["osArchitecture"], "device.hw_info.cpu_architecture", How::Text),
        row(&["riskScore"], "device.risk_level_id", How::Words(RISKS)),
        row(&["rbacGroupName"], "device.groups[].name", How::Text),
        row(&["rbacGroupId"], "device.groups[].uid", How::Text),
        row(&["vmMetadata.vmId"], "device.instance_uid", How::Text),
    ]],
};
