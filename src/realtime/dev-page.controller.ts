import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import { DevOnlyGuard } from '../platform/http/dev-only.guard.js';
import { Public } from '../platform/http/policy.js';
import { DEV_PAGE_POLICY, clientScript, devPage, devScript, devStyle } from './dev-page.js';

const SCRIPT = 'text/javascript; charset=utf-8';

/** Events as they come, for whoever develops. It shows what its token may see: the page itself knows nothing. */
@ApiExcludeController()
@UseGuards(DevOnlyGuard)
@Controller('dev/realtime')
export class DevPageController {
  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Security-Policy', DEV_PAGE_POLICY)
  page(): string {
    return devPage();
  }

  @Get('page.mjs')
  @Public()
  @Header('Content-Type', SCRIPT)
  @Header('Cache-Control', 'no-cache')
  script(): string {
    return devScript();
  }

  @Get('page.css')
  @Public()
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', 'no-cache')
  style(): string {
    return devStyle();
  }

  @Get('socket.io.mjs')
  @Public()
  @Header('Content-Type', SCRIPT)
  @Header('Cache-Control', 'no-cache')
  client(): string {
    return clientScript();
  }
}
