//! Follows the auto scaling groups: boots what they launched, ends what they terminated.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result};

use super::cloud::{Launched, Member};
use super::instance::{Instance, Site};
use super::limits;
use super::metadata::Facts;
use super::network;

/// Watches until it is dropped.
pub(super) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Instances = Mutex<Vec<Arc<Instance>>>;

impl Watcher {
    /// Boots into `instances` what the groups launch.
    pub(super) fn start(site: Arc<Site>, instances: Arc<Instances>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut complaint = String::new();
            while !stopped.load(Ordering::Relaxed) {
                let said = look(&site, &instances).err().map(|error| format!("{error:#}")).unwrap_or_default();
                if said != complaint {
                    eprintln!("host: {}", if said.is_empty() { "the groups can be watched again" } else { &said });
                    complaint = said;
                }
                std::thread::park_timeout(limits::WATCH_EVERY);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// One look at the groups.
fn look(site: &Site, instances: &Instances) -> Result<()> {
    let members = site.cloud.members()?;
    let known: BTreeSet<String> = list(instances).iter().map(|instance| instance.id().to_owned()).collect();
    let listed = |one: &Arc<Instance>| members.iter().any(|member| member.instance_id == one.id());
    let gone: Vec<_> = list(instances).into_iter().filter(|one| !one.group().is_empty() && !listed(one)).collect();
    // All off first: a broker that still writes would put objects into buckets that are being emptied.
    gone.iter().for_each(|instance| instance.power_off());
    gone.iter().for_each(|instance| instance.end());
    let new: Vec<&Member> = members.iter().filter(|member| !known.contains(&member.instance_id)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let launched = site.cloud.launched()?;
    for member in new {
        let Some(launched) =
            launched.iter().find(|one| one.instance_id == member.instance_id && one.state == "running")
        else {
            continue; // between the two answers it came or went: the next look tells
        };
        let instance =
            boot(site, member, launched).with_context(|| format!("{} cannot be booted", member.instance_id))?;
        instances.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(instance));
    }
    Ok(())
}

fn boot(site: &Site, member: &Member, launched: &Launched) -> Result<Instance> {
    let template = site.cloud.template(&member.template)?;
    let role = template.profile.as_deref().map(|profile| site.cloud.role(profile)).transpose()?;
    let address = launched.address.context("it has no address")?;
    let facts = Facts {
        instance_id: member.instance_id.clone(),
        address,
        hostname: network::hostname(address),
        zone: member.zone.clone(),
        region: site.cloud.region().to_owned(),
        account: launched.account.clone(),
        image_id: launched.image_id.clone(),
        instance_type: launched.instance_type.clone(),
        user_data: template.user_data,
        profile: template.profile,
        role,
    };
    Instance::boot_at(site, facts, member.group.clone())
}

fn list(instances: &Instances) -> Vec<Arc<Instance>> {
    instances.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
