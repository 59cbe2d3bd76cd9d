import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Api } from '../api.ts';

@ApiTags('sources')
@Controller()
export class SourcesController {
  constructor(private readonly api: Api) {}

  @Get('sources')
  @ApiOperation({ summary: 'The sources with entity, time, features, champion and how much is live' })
  sources(): readonly object[] {
    return this.api.describeSources();
  }

  @Get('live')
  @ApiOperation({ summary: 'Scores and records per second of each source over the last two minutes, oldest first' })
  live(): object {
    return this.api.describeThroughput();
  }
}
