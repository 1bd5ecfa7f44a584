//! Contract files (`boundary.hcl`): the approved world, with a place for every block.
//!
//! Only constants: a contract is read by people, and has to mean the same wherever it is read.

use hcl_edit::{
    Span,
    expr::{Expression, ObjectKey},
    structure::{Attribute, Block, Body},
};
use provider_boundary::model::{Class, Contract, Place, contract as terms};
use thiserror::Error;

use crate::hcl::{self, HclError, Text};

/// What is wrong with a contract, and where.
#[derive(Debug, Error)]
pub enum ContractError {
    /// No HCL.
    #[error(transparent)]
    Hcl(#[from] HclError),
    /// HCL that means nothing here.
    #[error("{place}: {problem}")]
    Meaning {
        /// Where.
        place: Place,
        /// What.
        problem: String,
    },
}

/// Reads a contract; `file` is how its path is shown.
///
/// # Errors
/// [`ContractError`] with the first problem.
pub fn read(text: &str, file: &str) -> Result<Contract, ContractError> {
    let (text, body) = hcl::parse(file, text)?;
    let reader = Reader { text };
    let mut contract = Contract::default();
    for attribute in body.attributes() {
        reader.top_attribute(&mut contract, attribute)?;
    }
    for block in body.blocks() {
        reader.block(&mut contract, block)?;
    }
    Ok(contract)
}

struct Reader {
    text: Text,
}

type Answer<T> = Result<T, ContractError>;

impl Reader {
    fn top_attribute(&self, contract: &mut Contract, attribute: &Attribute) -> Answer<()> {
        match attribute.key.as_str() {
            "accounts" => contract.accounts = self.strings(attribute)?,
            "regions" => contract.regions = self.strings(attribute)?,
            "responsibilities" => contract.responsibilities = self.map(attribute)?,
            "runbooks" => contract.runbooks = self.map(attribute)?,
            "statements" => contract.statements = self.map(attribute)?,
            other => return Err(self.unexpected(attribute.span(), "argument", other, TOP)),
        }
        Ok(())
    }

    fn block(&self, contract: &mut Contract, block: &Block) -> Answer<()> {
        let place = Some(self.text.place(block.span()));
        let fields = Fields { reader: self, block };
        match block.ident.as_str() {
            "class" => {
                let name = fields.label("the class")?;
                let class = Class::by_name(&name).ok_or_else(|| {
                    let known: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
                    self.error(block.span(), format!("no class {name:?}; classes are {}", known.join(", ")))
                })?;
                if contract.classes.insert(class, fields.class(place)?).is_some() {
                    return Err(self.error(block.span(), format!("class {name:?} is there twice")));
                }
            }
            "administrator" => contract.administrators.push(fields.administrator(place)?),
            "path" => contract.paths.push(fields.path(place)?),
            "accepted_escalation" => contract.accepted_escalations.push(fields.escalation(place)?),
            "exclusion" => contract.exclusions.push(fields.exclusion(place)?),
            "topic" => contract.topics.push(fields.topic(place)?),
            "break_glass" => {
                fields.only(&["approval"])?;
                let (role, approval) = (fields.label("the role's ARN")?, fields.string("approval")?);
                contract.break_glass.push(terms::BreakGlass { role, approval, place });
            }
            "workload" => contract.workload = Some(fields.workload(place)?),
            "support" => {
                fields.only(&["entity", "path", "terms"])?;
                let (entity, path) = (fields.string("entity")?, fields.string("path")?);
                contract.support = Some(terms::Support { entity, path, terms: fields.string("terms")?, place });
            }
            "review" => {
                fields.only(&["cadence_days", "last", "by"])?;
                let (cadence_days, last) = (fields.number("cadence_days")?, fields.date("last")?);
                contract.review = Some(terms::Review { cadence_days, last, by: fields.string("by")?, place });
            }
            other => return Err(self.unexpected(block.span(), "block", other, BLOCKS)),
        }
        Ok(())
    }

    fn error(&self, span: Option<std::ops::Range<usize>>, problem: String) -> ContractError {
        ContractError::Meaning { place: self.text.place(span), problem }
    }

    fn unexpected(
        &self,
        span: Option<std::ops::Range<usize>>,
        what: &str,
        name: &str,
        known: &[&str],
    ) -> ContractError {
        self.error(span, format!("no {what} {name:?} here; expected one of {}", known.join(", ")))
    }

    fn value(&self, expression: &Expression) -> Answer<String> {
        match expression {
            Expression::String(text) => Ok(text.value().to_string()),
            Expression::Number(number) => Ok(number.value().to_string()),
            Expression::Bool(one) => Ok(one.value().to_string()),
            Expression::Parenthesis(inner) => self.value(inner.inner()),
            other => Err(self.error(other.span(), "a contract holds constants only: write the text itself".into())),
        }
    }

    fn strings(&self, attribute: &Attribute) -> Answer<Vec<String>> {
        match &attribute.value {
            Expression::Array(items) => items.iter().map(|one| self.value(one)).collect(),
            other => Err(self.error(other.span(), format!("{} is a list of texts, [\"...\"]", attribute.key.as_str()))),
        }
    }

    fn map(&self, attribute: &Attribute) -> Answer<std::collections::BTreeMap<String, String>> {
        let Expression::Object(object) = &attribute.value else {
            let problem = format!("{} is a map of texts, {{ name = \"...\" }}", attribute.key.as_str());
            return Err(self.error(attribute.value.span(), problem));
        };
        let member = |(key, value): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
            let key = match key {
                ObjectKey::Ident(name) => name.as_str().to_owned(),
                ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
                ObjectKey::Expression(other) => self.value(other)?,
            };
            Ok((key, self.value(value.expr())?))
        };
        object.iter().map(member).collect()
    }
}

const TOP: &[&str] = &["accounts", "regions", "responsibilities", "runbooks", "statements"];

const BLOCKS: &[&str] = &[
    "class",
    "administrator",
    "path",
    "accepted_escalation",
    "exclusion",
    "topic",
    "break_glass",
    "workload",
    "support",
    "review",
];

/// The arguments of one block.
struct Fields<'c> {
    reader: &'c Reader,
    block: &'c Block,
}

impl Fields<'_> {
    fn body(&self) -> &Body {
        &self.block.body
    }

    /// Refuses every argument and block but these.
    fn only(&self, known: &[&str]) -> Answer<()> {
        if let Some(odd) = self.body().attributes().find(|one| !known.contains(&one.key.as_str())) {
            return Err(self.reader.unexpected(odd.span(), "argument", odd.key.as_str(), known));
        }
        match self.body().blocks().next() {
            Some(odd) => Err(self.reader.unexpected(odd.span(), "block", odd.ident.as_str(), known)),
            None => Ok(()),
        }
    }

    fn label(&self, what: &str) -> Answer<String> {
        match self.block.labels.as_slice() {
            [label] => Ok(label.as_str().to_owned()),
            _ => {
                let kind = self.block.ident.as_str();
                Err(self.reader.error(self.block.span(), format!("{kind} has one label, {what}: {kind} \"...\" {{ }}")))
            }
        }
    }

    fn string(&self, name: &str) -> Answer<Option<String>> {
        self.body().get_attribute(name).map(|one| self.reader.value(&one.value)).transpose()
    }

    fn required(&self, name: &str) -> Answer<String> {
        self.string(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.reader.error(self.block.span(), format!("{} needs {name}", self.block.ident.as_str())))
    }

    fn strings(&self, name: &str) -> Answer<Vec<String>> {
        self.body().get_attribute(name).map_or_else(|| Ok(Vec::new()), |one| self.reader.strings(one))
    }

    fn number(&self, name: &str) -> Answer<Option<u64>> {
        let Some(attribute) = self.body().get_attribute(name) else { return Ok(None) };
        let text = self.reader.value(&attribute.value)?;
        text.parse()
            .map(Some)
            .map_err(|_| self.reader.error(attribute.value.span(), format!("{name} is a whole number, not {text:?}")))
    }

    fn date(&self, name: &str) -> Answer<Option<String>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        if is_date(&text) {
            return Ok(Some(text));
        }
        let span = self.body().get_attribute(name).and_then(|one| one.value.span());
        Err(self.reader.error(span, format!("{name} is a day such as \"2027-01-31\", not {text:?}")))
    }

    fn required_date(&self, name: &str) -> Answer<String> {
        self.required(name)?;
        Ok(self.date(name)?.unwrap_or_default())
    }

    fn one_of(&self, name: &str, known: &[&str]) -> Answer<Option<String>> {
        let Some(text) = self.string(name)? else { return Ok(None) };
        if known.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        let span = self.body().get_attribute(name).and_then(|one| one.value.span());
        Err(self.reader.error(span, format!("{name} is one of {}, not {text:?}", known.join(", "))))
    }

    fn class(&self, place: Option<Place>) -> Answer<terms::ClassTerms> {
        self.only(&[
            "stores",
            "readers",
            "deleters",
            "key_model",
            "key",
            "retention_days",
            "deletion_days",
            "versioning",
            "rotation_days",
            "owner",
        ])?;
        Ok(terms::ClassTerms {
            stores: self.strings("stores")?,
            readers: self.strings("readers")?,
            deleters: self.strings("deleters")?,
            key_model: self
                .one_of("key_model", &["aws_managed", "customer_managed", "imported", "cloud_hsm", "external"])?,
            key: self.string("key")?,
            retention_days: self.number("retention_days")?,
            deletion_days: self.number("deletion_days")?,
            versioning: self.one_of("versioning", &["enabled", "disabled", "suspended"])?,
            rotation_days: self.number("rotation_days")?,
            owner: self.string("owner")?,
            place,
        })
    }

    fn administrator(&self, place: Option<Place>) -> Answer<terms::Administrator> {
        self.only(&["of", "owner", "expires"])?;
        let principal = self.label("the principal's ARN")?;
        let known = ["keys", "storage", "identities", "network", "compute", "audit", "kafka"];
        let of = self.strings("of")?;
        if let Some(odd) = of.iter().find(|one| !known.contains(&one.as_str())) {
            let span = self.body().get_attribute("of").and_then(Span::span);
            return Err(self.reader.unexpected(span, "area", odd, &known));
        }
        Ok(terms::Administrator { principal, of, owner: self.string("owner")?, expires: self.date("expires")?, place })
    }

    fn path(&self, place: Option<Place>) -> Answer<terms::ApprovedPath> {
        self.only(&["from", "to", "port", "owner", "purpose", "mode", "encryption", "expires", "ticket"])?;
        Ok(terms::ApprovedPath {
            name: self.label("the path's name")?,
            from: self.required("from")?,
            to: self.required("to")?,
            port: self.number("port")?,
            owner: self.string("owner")?,
            purpose: self.string("purpose")?,
            mode: self.one_of("mode", &["steady", "support", "migration"])?,
            encryption: self.string("encryption")?,
            expires: self.date("expires")?,
            ticket: self.string("ticket")?,
            place,
        })
    }

    fn escalation(&self, place: Option<Place>) -> Answer<terms::AcceptedEscalation> {
        self.only(&["principal", "via", "detected_by", "approved_by", "expires"])?;
        Ok(terms::AcceptedEscalation {
            principal: self.required("principal")?,
            via: self.strings("via")?,
            detected_by: self.required("detected_by")?,
            approved_by: self.required("approved_by")?,
            expires: self.required_date("expires")?,
            place,
        })
    }

    fn exclusion(&self, place: Option<Place>) -> Answer<terms::ApprovedExclusion> {
        self.only(&["question", "subject", "reason", "approved_by", "expires"])?;
        Ok(terms::ApprovedExclusion {
            question: self.required("question")?,
            subject: self.required("subject")?,
            reason: self.required("reason")?,
            approved_by: self.required("approved_by")?,
            expires: self.required_date("expires")?,
            place,
        })
    }

    fn topic(&self, place: Option<Place>) -> Answer<terms::TopicTerms> {
        self.only(&["owner", "classification", "retention_days"])?;
        Ok(terms::TopicTerms {
            name: self.label("the topic's name")?,
            owner: self.string("owner")?,
            classification: self.string("classification")?,
            retention_days: self.number("retention_days")?,
            place,
        })
    }

    fn workload(&self, place: Option<Place>) -> Answer<terms::Workload> {
        self.only(&["write_mib_per_second", "fan_out", "retention_hours", "zone_locality"])?;
        Ok(terms::Workload {
            write_mib_per_second: self.string("write_mib_per_second")?,
            fan_out: self.string("fan_out")?,
            retention_hours: self.number("retention_hours")?,
            zone_locality: self.string("zone_locality")?,
            place,
        })
    }
}

/// `2027-01-31`. Days compare as texts, so nothing else will do.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [year, month, day] => {
            digits(year, 4)
                && digits(month, 2)
                && digits(day, 2)
                && ("01"..="12").contains(month)
                && ("01"..="31").contains(day)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        read(text, "boundary.hcl").unwrap_err().to_string()
    }

    #[test]
    fn a_contract_says_where_each_of_its_blocks_stands() {
        let text = "accounts = [\"1\"]\n\nclass \"payloads\" {\n  readers = [\"a\"]\n  retention_days = 7\n}\n";
        let contract = read(text, "boundary.hcl").unwrap();
        let class = contract.class(Class::Payloads);
        assert_eq!((class.readers, class.retention_days), (vec!["a".to_owned()], Some(7)));
        assert_eq!(class.place.unwrap(), Place { file: "boundary.hcl".into(), line: 3, last_line: 6 });
    }

    #[test]
    fn errors_name_file_and_line() {
        assert!(problem("accounts = [\n").starts_with("boundary.hcl:"));
        assert_eq!(
            problem("\nfoo = 1"),
            "boundary.hcl:2: no argument \"foo\" here; expected one of accounts, regions, responsibilities, runbooks, statements"
        );
        assert!(problem("class \"x\" {}").starts_with("boundary.hcl:1: no class \"x\"; classes are payloads"));
        assert!(problem("path \"a\" {\n  from = \"x\"\n}").starts_with("boundary.hcl:1: path needs to"));
        assert_eq!(
            problem("review {\n  last = \"31.1.2027\"\n}"),
            "boundary.hcl:2: last is a day such as \"2027-01-31\", not \"31.1.2027\""
        );
        assert!(problem("accounts = [var.x]").starts_with("boundary.hcl:1: a contract holds constants only"));
    }

    #[test]
    fn brackets_without_end_are_refused_before_they_are_parsed() {
        assert_eq!(problem(&"[".repeat(5_000)), "boundary.hcl:1: nested more than 100 deep");
    }
}
