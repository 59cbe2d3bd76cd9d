import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Api } from '../api.ts';
import { wholeNumber } from '../problems/query.ts';

@ApiTags('entities')
@Controller('sources/:source')
export class EntitiesController {
  constructor(private readonly api: Api) {}

  @Get('entities/:id')
  @ApiOperation({ summary: 'State, features with their times, last transitions and live score of one entity; 404 names the nearest known' })
  entity(@Param('source') source: string, @Param('id') id: string): object {
    return this.api.tellStory(source, id);
  }

  @Get('top')
  @ApiOperation({ summary: 'Who is most at risk now' })
  @ApiQuery({ name: 'limit', required: false, schema: { type: 'integer', minimum: 1, maximum: 1000, default: 20 } })
  top(@Param('source') source: string, @Query('limit') limit?: string): readonly object[] {
    return this.api.mostAtRisk(source, wholeNumber('limit', limit, { least: 1, most: 1000, otherwise: 20 }));
  }
}
