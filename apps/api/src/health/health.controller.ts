import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Api } from '../api.ts';
import { Problem } from '../problems/problem.ts';
import { Telemetry } from './telemetry.ts';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(private readonly api: Api, private readonly telemetry: Telemetry) {}

  @Get('health')
  @ApiOperation({ summary: 'The process is alive' })
  health(): object {
    return { status: 'ok', uptimeSeconds: Math.round(process.uptime()) };
  }

  @Get('ready')
  @ApiOperation({ summary: 'A champion model serves and the doors are open; 503 with reasons otherwise' })
  async ready(): Promise<object> {
    const { checks, ready } = await this.api.checkReadiness();
    if (ready) return { ready, checks };
    const reasons = checks.filter(({ ok }) => !ok).map(({ name, found }) => `${name}: ${found}`);
    throw new Problem(503, 'not-ready', 'Not ready', reasons.join('; '), { ready, reasons, checks });
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Prometheus metrics' })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    const { text, contentType } = await this.telemetry.render();
    reply.header('content-type', contentType);
    return text;
  }
}
