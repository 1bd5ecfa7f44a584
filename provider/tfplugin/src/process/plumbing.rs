//! What go-plugin expects of every plugin: an orderly end, and two streams that stay open and silent.

use futures::StreamExt as _;
use futures::stream;
use tokio_util::sync::CancellationToken;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use crate::proto::plugin::grpc_broker_server::GrpcBroker;
use crate::proto::plugin::grpc_controller_server::GrpcController;
use crate::proto::plugin::grpc_stdio_server::GrpcStdio;
use crate::proto::plugin::{ConnInfo, Empty, StdioData};

/// Cancels its token when Terraform asks for the end.
#[derive(Clone, Debug)]
pub(super) struct Plumbing {
    pub(super) done: CancellationToken,
}

#[tonic::async_trait]
impl GrpcController for Plumbing {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        tracing::debug!("Terraform asks for the end");
        self.done.cancel();
        Ok(Response::new(Empty {}))
    }
}

#[tonic::async_trait]
impl GrpcStdio for Plumbing {
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(Box::pin(stream::pending().take_until(self.done.clone().cancelled_owned()))))
    }
}

#[tonic::async_trait]
impl GrpcBroker for Plumbing {
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        let silent = request.into_inner().filter_map(|_| std::future::ready(None));
        Ok(Response::new(Box::pin(silent.take_until(self.done.clone().cancelled_owned()))))
    }
}
