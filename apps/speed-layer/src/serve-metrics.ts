import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { EventLog, Metrics } from '#tideline/platform';
import type { SpeedLayerMetrics } from './speed-layer-metrics.ts';

/** Answers `GET /metrics` on this machine alone; the lag is measured when somebody asks. Port 0 lets the system choose. */
export async function serveMetrics(port: number, metrics: Metrics, speedLayer: SpeedLayerMetrics, log: EventLog): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const answer = async (): Promise<void> => {
      await speedLayer.measureLag(async ({ topic, partition }) => (await log.offsets(topic, partition)).end);
      const { text, contentType } = await metrics.render();
      response.writeHead(200, { 'content-type': contentType }).end(text);
    };
    answer().catch(() => response.writeHead(503).end());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
