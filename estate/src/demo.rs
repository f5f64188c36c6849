//! A believable reseller's estate of any size, the same for the same seed on the same day.
//!
//! The SIMs are written as CSV and come in by the same import as a customer's own. Every number is
//! synthetic: the test network 001/01 (ITU-T E.212) and the shared code +883 (ITU-T E.164.1).

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use crate::change::Change;
use crate::error::{Error, Result};
use crate::help::{Contact, Help};
use crate::ident::luhn_digit;
use crate::ids::{AccountId, ChangeId};
use crate::import::options::ImportOptions;
use crate::local::{Local, NewEstate};
use crate::progress::{CancelToken, OnProgress, Progress};
use crate::role::Role;
use crate::units::Time;
use crate::{Accounts, Estate};

/// How large, and which one.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// SIMs.
    pub sims: u64,
    /// Accounts, with the root.
    pub accounts: u64,
    /// Which of the estates that look like it.
    pub seed: u64,
}

impl Default for Demo {
    fn default() -> Self {
        Self { sims: 5_000, accounts: 60, seed: 1 }
    }
}

/// The name of the root account.
pub const RESELLER: &str = "Northstar Connect";
const CUSTOMERS: [&str; 16] = [
    "Harbour Freight Lines",
    "Bright Meter Co",
    "Alder & Finch Vending",
    "Polar Cold Chain",
    "Citybike Utrecht",
    "Solveig Solar",
    "Orchard Security",
    "Quayside Lifts",
    "Ridgeway Buses",
    "Müller Landtechnik",
    "Costa Water",
    "Tally POS",
    "Évian Parcours",
    "Kestrel Drones",
    "Greenline Chargers",
    "Copperfield Farms",
];
const PARTS: [&str; 10] = [
    "Fleet",
    "Metering",
    "Pilot",
    "Retail",
    "Depots",
    "Field Service",
    "Cameras",
    "Trackers",
    "Spares",
    "Workshop",
];
const PLACES: [&str; 12] = [
    "North", "South", "East", "West", "Leeds", "Bristol", "Malmö", "Porto", "Gdańsk", "Lyon", "Utrecht",
    "Graz",
];
const DEVICES: [&str; 10] =
    ["Tracker", "Meter", "Gateway", "Till", "Camera", "Lift", "Charger", "Router", "Fridge", "Sensor"];
const NETWORKS: [(&str, &str, u64); 6] = [
    ("Bluewave UK", "8988301", 34),
    ("Telmora", "8988307", 22),
    ("Nordcell", "8988312", 18),
    ("Alpinet", "8988320", 12),
    ("Iberlink", "8988331", 9),
    ("Pacific One", "8988345", 5),
];
/// Name, cap in bytes (0 for none), weight.
const TARIFFS: [(&str, u64, u64); 7] = [
    ("Meter 5MB", 5_000_000, 26),
    ("Track 25MB", 25_000_000, 22),
    ("Track 100MB", 100_000_000, 20),
    ("Till 500MB", 500_000_000, 14),
    ("Router 10GB", 10_000_000_000, 8),
    ("Camera 50GB", 50_000_000_000, 3),
    ("Pay as you go", 0, 7),
];
const TAGS: [&str; 8] =
    ["pilot", "vip", "do-not-move", "spare", "roaming", "2g-sunset", "esim", "audit-q4"];
const FIRST_NAMES: [&str; 12] =
    ["Amara", "Bea", "Chidi", "Elif", "Femke", "Goran", "Hana", "Ivo", "Joana", "Kofi", "Lene", "Marek"];
const LAST_NAMES: [&str; 12] = [
    "Adeyemi", "Berg", "Costa", "Dekker", "Evans", "Ferrari", "Haas", "Ito", "Kowalski", "Moreau",
    "Novak", "Silva",
];
const CATEGORIES: [&str; 4] = ["Amber Haulage", "Docklands Couriers", "Northway Freight", ""];
const NOTES: [&str; 6] = [
    "Swapped after water damage, ticket INC-{}",
    "Customer keeps the old tariff until renewal {}",
    "Antenna moved to roof, job {}",
    "Hot spare {}",
    "Ask for site access at the front desk ({})",
    "Firmware 2.{} since the last visit",
];

const HELP: &str = "\
# How we help

Call **+44 20 7946 0100** at any hour when SIMs are down, or write to [the service desk](mailto:help@northstar.example).

## Before you call

- Look whether the SIM is *Blocked*: its cap was reached. An Admin of your account raises it with `C`.
- Look when it was last seen: a device without power is none of the network's business.
- Have the ICCID at hand: `y` copies it.

## Orders and invoices

1. New SIMs arrive *Inactive*; an Admin activates them.
2. Invoices and tariffs: <https://northstar.example/billing>
";

/// A small generator of numbers (splitmix64): the same everywhere, and good enough for a demo.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n.max(1)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = self.below(list.len() as u64) as usize;
        &list[at]
    }

    fn pick_weighted<'a, T>(&mut self, list: &'a [T], weight: impl Fn(&T) -> u64) -> &'a T {
        let mut left = self.below(list.iter().map(&weight).sum());
        for item in list {
            match left.checked_sub(weight(item)) {
                Some(rest) => left = rest,
                None => return item,
            }
        }
        &list[0]
    }
}

/// Makes the demo's store at `path` and signs its reseller's Admin in.
pub fn create(path: &Path, demo: Demo, now: Time, watch: &OnProgress<'_>) -> Result<Local> {
    let local = create_unindexed(path, demo, now, watch)?;
    people(&local, &mut Dice(demo.seed))?;
    local.make_up_history()?;
    while local.run_maintenance_step()? {
        let progress = Progress { phase: "indexing text", done: 0, total: 0 };
        if watch(progress).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(local.with_clock(Time::now))
}

/// The SIMs and accounts alone, with the text index still to be filled: for the benchmark.
pub fn create_unindexed(path: &Path, demo: Demo, now: Time, watch: &OnProgress<'_>) -> Result<Local> {
    let new = NewEstate {
        account: RESELLER.into(),
        email: "ada@northstar.example".into(),
        name: "Ada Lindqvist".into(),
    };
    let local = Local::create_at(path, &new, now)?.with_clock(move || now);
    let mut dice = Dice(demo.seed);
    let paths = tree(&mut dice, demo.accounts.max(2) as usize - 1);
    let rows = Rows::new(demo, paths, Time(now.0 - now.0.rem_euclid(86_400)), dice.roll());
    let (staging, _) = local.stage(Box::new(rows), &ImportOptions::default(), &mut |_| {}, watch)?;
    local.apply(&ChangeId::new(), &Change::Import { staging }, watch)?;
    Ok(local)
}

/// The address of the demo's user of that role.
pub fn email(role: Role) -> &'static str {
    match role {
        Role::Admin => "ada@northstar.example",
        Role::User => "ben@northstar.example",
        Role::ViewOnly => "cleo@northstar.example",
    }
}

fn people(local: &Local, dice: &mut Dice) -> Result<()> {
    let accounts: std::sync::Arc<Accounts> = local.accounts(&CancelToken::new())?;
    let top = local.me().account;
    local.add_user(top, "Ben Okafor", email(Role::User), Role::User)?;
    local.add_user(top, "Cleo Marsh", email(Role::ViewOnly), Role::ViewOnly)?;
    let customers: Vec<(AccountId, String)> =
        accounts.children(top).map(|a| (a.id, a.name.clone())).collect();
    for (id, name) in customers {
        let domain: String =
            crate::text::fold(&name).chars().filter(char::is_ascii_alphanumeric).collect();
        for (role, who, odds) in
            [(Role::Admin, "admin", 85), (Role::User, "desk", 60), (Role::ViewOnly, "audit", 30)]
        {
            if dice.below(100) < odds {
                let name = format!("{} {}", dice.pick(&FIRST_NAMES), dice.pick(&LAST_NAMES));
                local.add_user(id, &name, &format!("{who}@{domain}.example"), role)?;
            }
        }
    }
    shown_as_help(local, &accounts)?;
    let first = accounts.children(top).next().map_or(top, |a| a.id);
    let invited = Change::AddUser {
        account: first,
        name: "Dana Whitlock".into(),
        email: "dana@whitlock.example".into(),
        role: Role::User,
    };
    local.apply(&ChangeId::new(), &invited, &|_| std::ops::ControlFlow::Continue(()))?;
    Ok(())
}

/// What customers see as help: the reseller's page, and the contact of one customer for those below
/// it.
fn shown_as_help(local: &Local, accounts: &Accounts) -> Result<()> {
    let set = |account, help| {
        let change = Change::SetHelp { account, help: Some(Box::new(help)) };
        local.apply(&ChangeId::new(), &change, &|_| std::ops::ControlFlow::Continue(())).map(drop)
    };
    let page = Help::Page { title: format!("{RESELLER} support"), text: HELP.into() };
    set(local.me().account, page)?;
    let wholesale = accounts.children(local.me().account).find(|a| accounts.subtree(a.id).len() > 1);
    let Some(wholesale) = wholesale else { return Ok(()) };
    let contact = Contact {
        name: format!("{} service desk", wholesale.name),
        phone: "+44 20 7946 0107".into(),
        email: "desk@customer.example".into(),
        hours: "Monday to Friday, 08:00 to 18:00 UTC".into(),
        url: String::new(),
    };
    set(wholesale.id, Help::Contact(contact))
}

/// Account paths below the root: customers first, then what hangs below them.
fn tree(dice: &mut Dice, count: usize) -> Vec<Vec<String>> {
    let customers = (count / 5).clamp(1, 400).min(count);
    let mut paths: Vec<Vec<String>> = (0..customers)
        .map(|i| match i / CUSTOMERS.len() {
            0 => vec![CUSTOMERS[i].to_owned()],
            n => vec![format!("{} {}", CUSTOMERS[i % CUSTOMERS.len()], n + 1)],
        })
        .collect();
    let mut seen: BTreeSet<Vec<String>> = paths.iter().cloned().collect();
    let mut serial = 0;
    while paths.len() < count {
        // The first customers are the large ones.
        let skew = (dice.below(1000) * dice.below(1000)) as usize * paths.len() / 1_000_000;
        let mut path = paths[skew].clone();
        if path.len() > 3 {
            continue;
        }
        path.push(if path.len() == 1 { *dice.pick(&PARTS) } else { *dice.pick(&PLACES) }.to_owned());
        if !seen.insert(path.clone()) {
            serial += 1;
            if let Some(name) = path.last_mut() {
                *name = format!("{name} {}", serial % 97 + 2);
            }
            if !seen.insert(path.clone()) {
                continue;
            }
        }
        paths.push(path);
    }
    paths
}

/// The SIMs as CSV, made while they are read.
struct Rows {
    dice: Dice,
    paths: Vec<Vec<String>>,
    midnight: Time,
    left: u64,
    serial: u64,
    buffer: Vec<u8>,
    at: usize,
}

impl Rows {
    fn new(demo: Demo, paths: Vec<Vec<String>>, midnight: Time, seed: u64) -> Self {
        let header = "iccid,imsi,msisdn,imei,account,label,network,status,tariff,in_session,used_bytes,cap_bytes,\
                      alert_bytes,hard_cap,usage_as_of,last_seen,activated_at,tags,categories,notes,recipients\n";
        let buffer = header.as_bytes().to_vec();
        Self { dice: Dice(seed), paths, midnight, left: demo.sims, serial: 0, buffer, at: 0 }
    }

    fn row(&mut self) -> String {
        self.serial += 1;
        let dice = &mut self.dice;
        let &(network, issuer, _) = dice.pick_weighted(&NETWORKS, |n| n.2);
        let stem = format!("{issuer}{:011}", 10_000_000 + self.serial * 7);
        let iccid = format!("{stem}{}", luhn_digit(&stem));
        let tac = format!("3590{:010}", dice.below(10_000_000_000));
        let imei = format!("{tac}{}", luhn_digit(&tac));
        // Squaring prefers the first accounts, as in life; a few SIMs are not given out yet.
        let skew = (dice.below(1000) * dice.below(1000)) as usize * self.paths.len() / 1_000_000;
        let unassigned = dice.below(100) < 4;
        let account = if unassigned { String::new() } else { self.paths[skew].join(" / ") };
        let &(tariff, cap, _) = dice.pick_weighted(&TARIFFS, |t| t.2);
        let status = *dice.pick_weighted(
            &[
                ("active", 74u64),
                ("suspended", 7),
                ("inactive", 11),
                ("activation-pending", 3),
                ("terminated", 4),
                ("unmanaged", 1),
            ],
            |s| s.1,
        );
        let live = matches!(status.0, "active" | "suspended");
        let scale = if cap == 0 { 60_000_000 } else { cap };
        let share =
            if live { dice.below(1000) * dice.below(1000) * 1180 / 1_000_000 + dice.below(5) } else { 0 };
        let used = scale / 1000 * share.min(1180) + dice.below(scale / 1000 + 1);
        let used = if live { used } else { 0 };
        let alert = match (cap, dice.below(10)) {
            (0, _) => 0,
            (cap, 0) => cap / 10 * 9,
            (cap, _) => cap / 5 * 4,
        };
        let seconds_ago =
            if dice.below(100) < 70 { dice.below(3 * 86_400) } else { dice.below(120 * 86_400) };
        let seen =
            if live { Time(self.midnight.0 - seconds_ago as i64).to_string() } else { String::new() };
        let activated = Time(self.midnight.0 - 86_400 * (130 + dice.below(900) as i64)).to_string();
        let label = label(dice);
        let tag = if dice.below(100) < 18 { *dice.pick(&TAGS) } else { "" };
        // The first customer still tells its own customers apart by categories, as people did
        // before there were accounts below accounts.
        let first = !unassigned && self.paths[skew].as_slice() == [CUSTOMERS[0]];
        let category = if first { CATEGORIES[(self.serial / 3 % 4) as usize] } else { "" };
        let note = if dice.below(100) < 9 {
            dice.pick(&NOTES).replace("{}", &dice.below(9000).to_string())
        } else {
            String::new()
        };
        let recipient = if dice.below(100) < 6 { "alerts@northstar.example" } else { "" };
        let session = status.0 == "active" && seconds_ago < 86_400 && dice.below(10) < 6;
        format!(
            "{iccid},00101{:010},883{:010},{imei},{account},{label},{network},{},{tariff},{},{used},{cap},{alert},{},{},{seen},{},{tag},{category},\"{note}\",{recipient}\n",
            self.serial * 7 + 1_000_000,
            self.serial * 11 + 5_100_000_000u64,
            status.0,
            if session { "yes" } else { "no" },
            if dice.below(8) == 0 && cap > 0 { "yes" } else { "no" },
            self.midnight,
            if status.0 == "inactive" { "" } else { &activated },
        )
    }
}

/// What a device is called; a few have no name.
fn label(dice: &mut Dice) -> String {
    if dice.below(20) == 0 {
        return String::new();
    }
    format!("{} {} {:04}", dice.pick(&DEVICES), dice.pick(&PLACES), dice.below(10_000))
}

impl Read for Rows {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            for _ in 0..self.left.min(200) {
                let row = self.row();
                self.buffer.extend_from_slice(row.as_bytes());
                self.left -= 1;
            }
        }
        let length = out.len().min(self.buffer.len() - self.at);
        out[..length].copy_from_slice(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
