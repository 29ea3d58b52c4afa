// Threads and a queue between them:
//   reader : source's stream -> BatchBuilder -> queue; answers keepalives while it waits for room (rules.md 32)
//   writer : queue -> Target::apply -> checkpoint stored -> position confirmed to the stream
// Positions without changes pass through the same queue as empty batches, so that none overtakes a change. The queue is in
// memory, or a spool: spooled_stream.cc.

#include "batch_queue.h"
#include "delivery.h"
#include "parked.h"
#include "phase.h"
#include "slot_given_up.h"
#include "source_place.h"
#include "spooled_stream.h"
#include "stream_reader.h"
#include "stream_threads.h"
#include "stream_writer.h"

namespace peerd {

void stream_changes(PhaseContext& context, const std::stop_token& stop, const std::function<void()>& working) {
  context.step("opening the stream");
  MirrorProgress progress = context.catalog.progress(context.record.id);
  // The source first: a target that hangs must not hide that the source is dead.
  check_identity(context, progress, stop);
  if (gave_slot_up(progress)) drop_given_up(context, stop);
  require_followed(progress);
  context.source.read_unique(progress.tables, patient(stop));
  const SpoolUse use = spool_use(context, progress, stop);
  if (use.now) return stream_through_spool(context, progress, use, stop, working);
  Delivery delivery = open_delivery(context, std::move(progress), stop);
  const Lsn from = delivery.start.from;
  const auto stream =
      context.source.open_stream(from, followed(delivery.progress), delivery.progress.shaped_at, patient(stop));
  if (delivery.start.to_confirm) stream->confirm(*delivery.start.to_confirm);
  context.step("streaming from " + to_string(from));

  BatchQueue queue(context.queue_bytes);
  StreamThreads threads;
  threads.start(
      [&](const std::stop_token& token) {
        const auto ends = [&] { return use.passes_budget(context, queue); };
        StreamReader(context, *stream, queue, StreamReader::Spooling::no, working, ends).run(token);
      },
      [&](const std::stop_token& token) {
        StreamWriter(context, *stream, queue, *delivery.lookup, delivery.horizons, delivery.progress, working)
            .run(token, threads.finish());
      });
  threads.join(stop, kStopGrace);
  threads.rethrow();
  if (stop.stop_requested()) stream->keep_alive();  // The last confirmed position goes out before the connection closes.
}

}  // namespace peerd
