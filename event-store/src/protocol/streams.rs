//! The service of streams: which call does what.

use std::sync::Arc;

use futures::stream::BoxStream;
use tonic::{Request, Response, Status, Streaming};

use super::view::View;
use super::wire::streams::streams_server::Streams;
use super::wire::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp,
    TombstoneReq, TombstoneResp,
};
use super::{append, batch, delete, read};

pub(crate) struct Service(pub(crate) Arc<View>);

#[tonic::async_trait]
impl Streams for Service {
    type ReadStream = BoxStream<'static, Result<ReadResp, Status>>;
    type BatchAppendStream = BoxStream<'static, Result<BatchAppendResp, Status>>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        let answers = read::call(Arc::clone(&self.0), request.into_inner()).await?;
        Ok(Response::new(answers))
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        append::call(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        delete::delete(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn tombstone(&self, request: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        delete::tombstone(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        Ok(Response::new(batch::call(Arc::clone(&self.0), request.into_inner())))
    }
}
