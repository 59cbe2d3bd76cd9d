import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { QualityReports } from './quality-reports.ts';

/** A report stands alone: whatever text of the data it shows, nothing in it may run or load. */
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

@ApiTags('data quality')
@Controller()
export class QualityController {
  constructor(private readonly reports: QualityReports) {}

  @Get('sources/:source/checks')
  @ApiOperation({ summary: 'The suites of a source and the finished runs of its checks, newest first' })
  runs(@Param('source') source: string): Promise<object> {
    return this.reports.runs(source);
  }

  @Get('sources/:source/checks/:run')
  @ApiOperation({ summary: 'One run: every check with what was expected and found, and the first failing rows' })
  run(@Param('source') source: string, @Param('run') run: string): Promise<object> {
    return this.reports.run(source, run);
  }

  @Get('reports/:source/:file')
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', PAGE_POLICY)
  @Header('x-content-type-options', 'nosniff')
  @Header('cache-control', 'no-cache')
  @ApiOperation({ summary: 'A run\'s document for people, or index.html' })
  page(@Param('source') source: string, @Param('file') file: string): Promise<string> {
    return this.reports.page(source, file);
  }
}
