import { Controller, Get, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ModelCatalog } from './model-catalog.ts';

@ApiTags('models')
@Controller()
export class ModelsController {
  constructor(private readonly catalog: ModelCatalog) {}

  @Get('model-info')
  @ApiOperation({ summary: 'The champion of each source: version, kind, features, metrics with intervals, the baseline beside them' })
  modelInfo(): Promise<readonly object[]> {
    return this.catalog.champions();
  }

  @Get('models')
  @ApiOperation({ summary: 'Every registered model' })
  models(): Promise<readonly object[]> {
    return this.catalog.models();
  }

  @Get('models/:name/versions')
  @ApiOperation({ summary: 'The versions of one registered model, newest first, with their metrics' })
  versions(@Param('name') name: string): Promise<readonly object[]> {
    return this.catalog.versions(name);
  }

  @Get('api/metrics')
  @ApiOperation({ summary: 'Metrics of the models in force (the form of an earlier system)' })
  metrics(): Promise<object> {
    return this.catalog.currentMetrics();
  }
}
