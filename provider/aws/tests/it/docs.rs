//! The documentation is what the schemas say. `UPDATE_EXPECT=1 cargo test -p provider-aws` writes it anew.

use std::path::Path;

use expect_test::expect_file;
use provider_aws::provider::Ringfence;
use tfplugin_rs::testing::Terraform;

/// What identifies an object for `terraform import`, where it can be imported.
const IMPORTS: [(&str, &str); 5] = [
    ("ringfence_key", "0b5f7a52-6b1f-4c8e-9a64-3d1d3a4b5c6d"),
    ("ringfence_bucket", "orders-data-123456789012-eu-central-1"),
    ("ringfence_broker_role", "ringfence-orders-broker"),
    ("ringfence_cluster", "orders-metadata-123456789012-eu-central-1/orders"),
    ("ringfence_topic", "orders-metadata-123456789012-eu-central-1/orders/payments"),
];

fn import(name: &str) -> String {
    match IMPORTS.iter().find(|(resource, _)| *resource == name) {
        Some((_, id)) => {
            format!("\n## Import\n\n```terraform\nimport {{\n  to = {name}.NAME\n  id = \"{id}\"\n}}\n```\n")
        }
        None => "\n## Import\n\nNot supported.\n".to_owned(),
    }
}

#[tokio::test]
async fn the_documentation_is_what_the_schemas_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let terraform = Terraform::start(Ringfence).await;
    for (name, schema) in terraform.schemas() {
        let example = std::fs::read_to_string(root.join(format!("examples/{name}.tf"))).unwrap();
        let (title, path, import) = match name.strip_prefix("ringfence_") {
            Some(short) => (format!("{name} (Resource)"), format!("docs/resources/{short}.md"), import(&name)),
            None => ("ringfence Provider".to_owned(), "docs/index.md".to_owned(), String::new()),
        };
        let description = schema.description();
        let page = format!(
            "---\npage_title: \"{title}\"\ndescription: |-\n  {description}\n---\n\n# {title}\n\n{description}\n\n## Example \
             Usage\n\n```terraform\n{example}```\n\n## Schema\n{}{import}",
            schema.reference()
        );
        expect_file![root.join(path)].assert_eq(&page);
    }
}
