//! What a provider implements.

use std::collections::BTreeMap;

use crate::config::Config;
use crate::data_source::{self, AnyDataSource, DataSource};
use crate::diagnostic::Diagnostics;
use crate::function::{self, AnyFunction, Function};
use crate::resource::Resource;
use crate::resource::erased::{AnyResource, Erased};
use crate::schema::Schema;

/// A provider: its own configuration, and what it offers.
pub trait Provider: Send + Sync + 'static {
    /// What resources and data sources work with once the provider is configured: clients, settings.
    type Data: Send + Sync + 'static;

    /// Its name, the prefix of every resource's: `"ringfence"`.
    const NAME: &'static str;

    /// The namespace that its source address begins with, as in `NAMESPACE/NAME`.
    const NAMESPACE: &'static str = Self::NAME;

    /// Its version.
    const VERSION: &'static str;

    /// Log targets that stay silent even when Terraform asks for everything: crates that would write what is in transit.
    const SILENT: &'static [&'static str] = &[];

    /// Its own arguments. Called once.
    fn schema(&self) -> Schema;

    /// Adds everything that the provider offers.
    fn register(&self, registry: &mut Registry<Self::Data>);

    /// Looks at its configuration as a whole, offline; values may be unknown.
    ///
    /// # Errors
    /// What is wrong; `out` takes further errors and warnings.
    fn validate(&self, config: &Config<'_>, out: &mut Diagnostics) -> Result<(), Diagnostics> {
        let _ = (config, out);
        Ok(())
    }

    /// Takes its configuration. While planning, values may be unknown: return `None` then, and plans go on without it;
    /// warnings go to `out`. Several calls may follow each other, the last one counts.
    fn configure(
        &self,
        config: Config<'_>,
        out: &mut Diagnostics,
    ) -> impl Future<Output = Result<Option<Self::Data>, Diagnostics>> + Send;
}

/// What a provider offers.
pub struct Registry<D> {
    pub(crate) resources: BTreeMap<&'static str, Box<dyn AnyResource<D>>>,
    pub(crate) data_sources: BTreeMap<&'static str, Box<dyn AnyDataSource<D>>>,
    pub(crate) functions: BTreeMap<&'static str, Box<dyn AnyFunction>>,
}

impl<D: Send + Sync + 'static> Registry<D> {
    pub(crate) fn new() -> Self {
        Self { resources: BTreeMap::new(), data_sources: BTreeMap::new(), functions: BTreeMap::new() }
    }

    /// Adds a resource.
    pub fn resource<R: Resource<Data = D>>(&mut self, resource: R) -> &mut Self {
        self.resources.insert(R::NAME, Box::new(Erased::new(resource)));
        self
    }

    /// Adds a data source.
    pub fn data_source<S: DataSource<Data = D>>(&mut self, source: S) -> &mut Self {
        self.data_sources.insert(S::NAME, Box::new(data_source::Erased::new(source)));
        self
    }

    /// Adds a function.
    pub fn function<F: Function>(&mut self, function: F) -> &mut Self {
        self.functions.insert(F::NAME, Box::new(function::Erased::new(function)));
        self
    }
}

impl<D> std::fmt::Debug for Registry<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("resources", &self.resources.keys())
            .field("data_sources", &self.data_sources.keys())
            .field("functions", &self.functions.keys())
            .finish()
    }
}
