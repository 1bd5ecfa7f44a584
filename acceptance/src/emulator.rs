//! Asks the emulated AWS what there is, without any SDK: the emulator reads account and region from the credentials' scope and
//! checks no signature.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::http::{self, Message};
use crate::terraform::ACCESS_KEY;

/// A loaded emulator needs seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// The emulated AWS as one account sees it.
#[derive(Debug, Clone)]
pub struct Aws {
    address: String,
    region: String,
    account: String,
}

/// Names of everything in the account, by kind.
pub type Inventory = BTreeMap<&'static str, BTreeSet<String>>;

/// Objects of one kind in a bucket.
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    /// How many.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Aws {
    /// The default account of an emulator at `host:port`.
    #[must_use]
    pub fn new(address: String, region: &str) -> Self {
        Self { address, region: region.to_owned(), account: ACCESS_KEY.to_owned() }
    }

    /// The same emulator as another account sees it.
    #[must_use]
    pub fn as_account(&self, account: &str) -> Self {
        Self { account: account.to_owned(), ..self.clone() }
    }

    fn send(&self, service: &str, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Result<Message> {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=0",
            self.account, self.region
        );
        let mut headers = vec![("authorization", scope.as_str()), ("x-amz-date", "20260101T000000Z")];
        headers.extend(more);
        http::send(&self.address, method, path, &headers, body, LIMIT)
    }

    /// One action of a query API; answers its XML.
    ///
    /// # Errors
    /// When it is refused.
    pub fn query(&self, service: &str, version: &str, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            body.push_str(&format!("&{name}={}", encode(value)));
        }
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let answer = self.send(service, "POST", "/", &form, body.as_bytes())?;
        ensure!(answer.status() == Some(200), "{service}:{action}: {} {}", answer.start, answer.text());
        Ok(answer.text())
    }

    /// One action of a JSON API.
    ///
    /// # Errors
    /// When it is refused.
    pub fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        let answer = self.send(service, "POST", "/", &headers, body.to_string().as_bytes())?;
        ensure!(answer.status() == Some(200), "{target}: {} {}", answer.start, answer.text());
        serde_json::from_slice(&answer.body).with_context(|| format!("{target} answered no JSON"))
    }

    /// One S3 request; the path begins with the bucket.
    ///
    /// # Errors
    /// When nothing answers; a refusal is an answer.
    pub fn s3(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Message> {
        self.send("s3", method, path, headers, body)
    }

    /// Creates a bucket in this account.
    ///
    /// # Errors
    /// When it is refused.
    pub fn create_bucket(&self, name: &str) -> Result<()> {
        let body = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{}</LocationConstraint>\
             </CreateBucketConfiguration>",
            self.region
        );
        let answer = self.s3("PUT", &format!("/{name}"), &[], body.as_bytes())?;
        ensure!(answer.status() == Some(200), "CreateBucket {name}: {} {}", answer.start, answer.text());
        Ok(())
    }

    /// Keys and sizes of all objects of a bucket.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub fn objects(&self, bucket: &str) -> Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let answer = self.s3("GET", &format!("/{bucket}?list-type=2{token}"), &[], &[])?;
            ensure!(answer.status() == Some(200), "listing {bucket}: {} {}", answer.start, answer.text());
            let text = answer.text();
            let keys = texts(&text, "Contents", "Key")?;
            let sizes = texts(&text, "Contents", "Size")?;
            found.extend(keys.into_iter().zip(sizes.iter().map(|size| size.parse().unwrap_or_default())));
            match texts(&text, "ListBucketResult", "NextContinuationToken")?.first() {
                Some(next) => token = format!("&continuation-token={}", encode(next)),
                None => return Ok(found),
            }
        }
    }

    /// Objects of a bucket counted by kind: what follows the cluster's name in their keys.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub fn layout(&self, bucket: &str) -> Result<BTreeMap<String, Share>> {
        let mut kinds: BTreeMap<String, Share> = BTreeMap::new();
        for (key, bytes) in self.objects(bucket)? {
            let share = kinds.entry(kind(&key)).or_default();
            share.objects = share.objects.saturating_add(1);
            share.bytes = share.bytes.saturating_add(bytes);
        }
        Ok(kinds)
    }

    /// Everything of the kinds this project makes that is in the account now.
    ///
    /// # Errors
    /// When a listing is refused.
    pub fn inventory(&self) -> Result<Inventory> {
        let mut all = Inventory::new();
        let buckets = self.s3("GET", "/", &[], &[])?.text();
        all.insert("bucket", texts(&buckets, "Bucket", "Name")?.into_iter().collect());
        all.insert("key", self.keys()?);
        let aliases = self.json("kms", "TrentService.ListAliases", &json!({}))?;
        let names = column(&aliases, "Aliases", "AliasName").into_iter().filter(|name| !name.starts_with("alias/aws/"));
        all.insert("alias", names.collect());
        for (kind, action, item, field) in EC2 {
            let answer = self.query("ec2", "2016-11-15", action, &[])?;
            all.insert(kind, texts(&answer, item, field)?.into_iter().collect());
        }
        for (kind, action, field) in IAM {
            let answer = self.query("iam", "2010-05-08", action, &[("MaxItems", "1000")])?;
            all.insert(kind, texts(&answer, "member", field)?.into_iter().collect());
        }
        let groups = self.query("autoscaling", "2011-01-01", "DescribeAutoScalingGroups", &[])?;
        all.insert("auto scaling group", texts(&groups, "member", "AutoScalingGroupName")?.into_iter().collect());
        let logs = self.json("logs", "Logs_20140328.DescribeLogGroups", &json!({}))?;
        all.insert("log group", column(&logs, "logGroups", "logGroupName").into_iter().collect());
        for (kind, action, list) in FIREWALL {
            let listed = self.json("route53resolver", &format!("Route53Resolver.{action}"), &json!({}))?;
            all.insert(kind, column(&listed, list, "Id").into_iter().collect());
        }
        Ok(all)
    }

    /// Customer keys with their state.
    fn keys(&self) -> Result<BTreeSet<String>> {
        let listed = self.json("kms", "TrentService.ListKeys", &json!({ "Limit": 1000 }))?;
        let mut found = BTreeSet::new();
        for id in column(&listed, "Keys", "KeyId") {
            let answer = self.json("kms", "TrentService.DescribeKey", &json!({ "KeyId": id }))?;
            let field = |name: &str| {
                answer.pointer(&format!("/KeyMetadata/{name}")).and_then(Value::as_str).unwrap_or_default()
            };
            if field("KeyManager") == "CUSTOMER" {
                found.insert(format!("{id} ({})", field("KeyState")));
            }
        }
        Ok(found)
    }
}

const EC2: &[(&str, &str, &str, &str)] = &[
    ("vpc", "DescribeVpcs", "item", "vpcId"),
    ("subnet", "DescribeSubnets", "item", "subnetId"),
    ("route table", "DescribeRouteTables", "item", "routeTableId"),
    ("security group", "DescribeSecurityGroups", "item", "groupId"),
    ("vpc endpoint", "DescribeVpcEndpoints", "item", "vpcEndpointId"),
    ("launch template", "DescribeLaunchTemplates", "item", "launchTemplateId"),
];

const FIREWALL: &[(&str, &str, &str)] = &[
    ("dns firewall rule group", "ListFirewallRuleGroups", "FirewallRuleGroups"),
    ("dns firewall domain list", "ListFirewallDomainLists", "FirewallDomainLists"),
];

const IAM: &[(&str, &str, &str)] =
    &[("role", "ListRoles", "RoleName"), ("instance profile", "ListInstanceProfiles", "InstanceProfileName")];

/// What is in `after` and not in `before`, as lines; nothing of what is there twice.
#[must_use]
pub fn added(before: &Inventory, after: &Inventory) -> Vec<String> {
    let known = |kind: &str, name: &String| before.get(kind).is_some_and(|names| names.contains(name));
    let fresh = after.iter().flat_map(|(kind, names)| {
        let new = names.iter().filter(|name| !known(kind, name));
        new.map(|name| format!("{kind} {name}")).collect::<Vec<_>>()
    });
    fresh.collect()
}

/// An object's kind: `meta/log`, `wal`, `packages`, ... without cluster, hashes and numbers.
fn kind(key: &str) -> String {
    const FIRST: &[&str] = &["wal", "data", "meta", "live", "packages", "secret", "audit"];
    const SECOND: &[&str] = &["log", "snapshot", "marker", "boot"];
    let words: Vec<&str> = key.split('/').collect();
    let Some(at) = words.iter().position(|word| FIRST.contains(word)) else { return format!("other: {key}") };
    let first = words.get(at).copied().unwrap_or_default();
    match words.get(at.saturating_add(1)).filter(|word| SECOND.contains(word)) {
        Some(second) => format!("{first}/{second}"),
        None => format!("{first}/"),
    }
}

/// Deleted endpoints stay listed for a while, on AWS too.
fn is_deleted(item: roxmltree::Node<'_, '_>) -> bool {
    let state = item.children().find(|node| node.tag_name().name() == "state");
    state.and_then(|node| node.text()).is_some_and(|state| state.eq_ignore_ascii_case("deleted"))
}

/// Texts of elements `field` directly inside elements `parent` that are not in state "deleted".
fn texts(xml: &str, parent: &str, field: &str) -> Result<Vec<String>> {
    let document = roxmltree::Document::parse(xml).with_context(|| format!("not XML: {xml}"))?;
    let found = document.descendants().filter(|node| node.tag_name().name() == field);
    let inside =
        found.filter(|node| node.parent().is_some_and(|above| above.tag_name().name() == parent && !is_deleted(above)));
    Ok(inside.filter_map(|node| node.text().map(str::to_owned)).collect())
}

fn column(answer: &Value, list: &str, field: &str) -> Vec<String> {
    let rows = answer.get(list).and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row.get(field)?.as_str().map(str::to_owned)).collect()
}

/// Percent encoding of everything that is not unreserved.
fn encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_kind_is_its_place_without_names_and_numbers() {
        assert_eq!(kind("orders/meta/log/00000000000000000007"), "meta/log");
        assert_eq!(kind("orders/wal/ab/1-2/00000000000000000007"), "wal/");
        assert_eq!(kind("orders/live/boot/i-0abc"), "live/boot");
        assert_eq!(kind("packages/aa/ringfence-broker.tar.gz"), "packages/");
    }

    #[test]
    fn only_what_is_new_counts_as_left_behind() {
        let before = Inventory::from([("vpc", BTreeSet::from(["vpc-1".to_owned()]))]);
        let after = Inventory::from([("vpc", BTreeSet::from(["vpc-1".to_owned(), "vpc-2".to_owned()]))]);
        assert_eq!(added(&before, &after), ["vpc vpc-2"]);
    }
}
