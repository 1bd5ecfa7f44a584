//! What a function implements: `provider::NAME::FUNCTION(...)` in a configuration.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::proto::tfplugin6 as wire;
use crate::value::json::{self, Model};
use crate::value::{Type, Value, ValueError, msgpack};

/// A pure function. Terraform calls it before the provider is configured, and only with known arguments.
pub trait Function: Send + Sync + 'static {
    /// A tuple of its parameters, as in `(String, i64)`; for one parameter `(String,)`.
    type Args: DeserializeOwned;
    /// Its result.
    type Output: Serialize;

    /// Its name.
    const NAME: &'static str;

    /// Its parameters and what it returns. Called once.
    fn signature(&self) -> Signature;

    /// Computes it.
    ///
    /// # Errors
    /// Why there is no result for these arguments.
    fn call(&self, args: Self::Args) -> Result<Self::Output, FunctionError>;
}

/// A function's parameters and what it returns.
#[derive(Clone, Debug)]
pub struct Signature {
    summary: String,
    parameters: Vec<(String, Type, String)>,
    returns: Type,
}

impl Signature {
    /// A function without parameters yet. The summary is one sentence.
    pub fn new(summary: impl Into<String>, returns: Type) -> Self {
        Self { summary: summary.into(), parameters: Vec::new(), returns }
    }

    /// Adds the next parameter.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, ty: Type, description: impl Into<String>) -> Self {
        self.parameters.push((name.into(), ty, description.into()));
        self
    }

    pub(crate) fn types(&self) -> Vec<Type> {
        self.parameters.iter().map(|(_, ty, _)| ty.clone()).collect()
    }

    pub(crate) fn returns(&self) -> &Type {
        &self.returns
    }

    pub(crate) fn to_wire(&self) -> wire::Function {
        let markdown = i32::from(wire::StringKind::Markdown);
        let parameters = self.parameters.iter().map(|(name, ty, description)| wire::function::Parameter {
            name: name.clone(),
            r#type: ty.to_bytes(),
            allow_null_value: false,
            allow_unknown_values: false,
            description: description.clone(),
            description_kind: markdown,
        });
        wire::Function {
            parameters: parameters.collect(),
            variadic_parameter: None,
            r#return: Some(wire::function::Return { r#type: self.returns.to_bytes() }),
            summary: self.summary.clone(),
            description: self.summary.clone(),
            description_kind: markdown,
            deprecation_message: String::new(),
        }
    }
}

/// Why a function has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct FunctionError {
    text: String,
    argument: Option<usize>,
}

impl FunctionError {
    /// About the call as a whole.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), argument: None }
    }

    /// About one argument, counted from 0.
    #[must_use]
    pub fn at(mut self, argument: usize) -> Self {
        self.argument = Some(argument);
        self
    }

    pub(crate) fn into_wire(self) -> wire::FunctionError {
        let function_argument = self.argument.and_then(|at| i64::try_from(at).ok());
        wire::FunctionError { text: self.text, function_argument }
    }
}

impl From<ValueError> for FunctionError {
    fn from(error: ValueError) -> Self {
        Self::new(error.to_string())
    }
}

/// A function whose types are hidden.
pub(crate) trait AnyFunction: Send + Sync {
    fn signature(&self) -> &Signature;
    fn call(&self, arguments: &[wire::DynamicValue]) -> Result<wire::DynamicValue, FunctionError>;
}

pub(crate) struct Erased<F> {
    function: F,
    signature: Signature,
}

impl<F: Function> Erased<F> {
    pub(crate) fn new(function: F) -> Self {
        let signature = function.signature();
        Self { function, signature }
    }
}

impl<F: Function> AnyFunction for Erased<F> {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[wire::DynamicValue]) -> Result<wire::DynamicValue, FunctionError> {
        let types = self.signature.types();
        if types.len() != arguments.len() {
            return Err(FunctionError::new(format!("{} arguments are needed", types.len())));
        }
        let mut values = Vec::new();
        for (at, (argument, ty)) in arguments.iter().zip(&types).enumerate() {
            let value = msgpack::decode(&argument.msgpack, ty).map_err(|e| FunctionError::from(e).at(at))?;
            values.push(value);
        }
        let args = json::to_model(&Value::List(values), &Type::Tuple(types), Model::Plan)?;
        let output = self.function.call(args)?;
        let returns = &self.signature.returns;
        let msgpack = msgpack::encode(&json::from_model(&output, returns)?, returns)?;
        Ok(wire::DynamicValue { msgpack, json: Vec::new() })
    }
}
