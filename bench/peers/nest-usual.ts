import { randomUUID } from 'node:crypto';

import 'reflect-metadata';

import {
  Body,
  ClassSerializerInterceptor,
  Controller,
  Get,
  Injectable,
  Module,
  NotFoundException,
  Param,
  ParseIntPipe,
  ParseUUIDPipe,
  Post,
  Query,
  UseGuards,
  UseInterceptors,
  ValidationPipe,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Exclude, Expose } from 'class-transformer';
import { IsEmail, IsString, MaxLength } from 'class-validator';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { Column, Entity, IsNull, PrimaryColumn, Repository } from 'typeorm';

// Written as the documentation of Nest writes it (Authentication, Database, Serialization).

@Entity({ schema: 'roster', name: 'users' })
class User {
  @PrimaryColumn('uuid') id!: string;
  @Column('text') email!: string;
  @Exclude() @Column('text', { name: 'email_key' }) emailKey!: string;
  @Column('timestamptz', { name: 'email_verified_at', nullable: true }) emailVerifiedAt!: Date | null;
  @Column('text') name!: string;
  @Exclude() @Column('text', { name: 'name_key' }) nameKey!: string;
  @Column('text', { nullable: true }) username!: string | null;
  @Exclude() @Column('text', { name: 'username_key', nullable: true }) usernameKey!: string | null;
  @Column('text', { nullable: true }) phone!: string | null;
  @Column('text') locale!: string;
  @Column('text', { nullable: true }) timezone!: string | null;
  @Column('text', { name: 'external_id', nullable: true }) externalId!: string | null;
  @Column('jsonb') metadata!: object;
  @Column('jsonb', { name: 'app_metadata' }) appMetadata!: object;
  @Exclude() @Column('timestamptz', { name: 'activated_at', nullable: true }) activatedAt!: Date | null;
  @Exclude() @Column('timestamptz', { name: 'suspended_at', nullable: true }) suspendedAt!: Date | null;
  @Exclude() @Column('timestamptz', { name: 'suspended_until', nullable: true }) suspendedUntil!: Date | null;
  @Exclude() @Column('text', { name: 'suspension_reason', nullable: true }) suspensionReason!: string | null;
  @Exclude() @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null;
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date;
  @Column('timestamptz', { name: 'updated_at' }) updatedAt!: Date;
  @Column('timestamptz', { name: 'last_sign_in_at', nullable: true }) lastSignInAt!: Date | null;
  @Column('integer') version!: number;

  @Expose()
  get status(): string {
    return this.suspendedAt ? 'suspended' : 'active';
  }
}

@Injectable()
class JwtStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: process.env['JWT_PUBLIC_KEY']!,
      algorithms: ['ES256'],
      issuer: process.env['JWT_ISSUER']!,
      audience: process.env['JWT_AUDIENCE']!,
    });
  }

  validate(payload: { sub: string }): { userId: string } {
    return { userId: payload.sub };
  }
}

class CreateUserDto {
  @IsEmail() email!: string;
  @IsString() @MaxLength(200) name!: string;
}

@Injectable()
class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  findOne(id: string): Promise<User | null> {
    return this.users.findOneBy({ id });
  }

  findAll(limit: number): Promise<User[]> {
    return this.users.find({ where: { deletedAt: IsNull() }, order: { createdAt: 'DESC', id: 'DESC' }, take: limit });
  }

  create({ email, name }: CreateUserDto): Promise<User> {
    const now = new Date();
    const user = this.users.create({
      id: randomUUID(),
      email,
      emailKey: email.toLowerCase(),
      name,
      nameKey: name.toLowerCase(),
      locale: 'en',
      metadata: {},
      appMetadata: {},
      createdAt: now,
      updatedAt: now,
      version: 1,
    });
    return this.users.save(user);
  }
}

@Controller('api/v1/users')
@UseInterceptors(ClassSerializerInterceptor)
class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get(':id')
  @UseGuards(AuthGuard('jwt'))
  async findOne(@Param('id', ParseUUIDPipe) id: string): Promise<User> {
    const user = await this.users.findOne(id);
    if (!user) throw new NotFoundException();
    return user;
  }

  @Get()
  @UseGuards(AuthGuard('jwt'))
  async findAll(@Query('limit', ParseIntPipe) limit: number): Promise<{ data: User[] }> {
    return { data: await this.users.findAll(limit) };
  }

  @Post()
  @UseGuards(AuthGuard('jwt'))
  create(@Body() body: CreateUserDto): Promise<User> {
    return this.users.create(body);
  }
}

@Controller('hello')
class HelloController {
  @Get()
  hello(): { hello: string } {
    return { hello: 'world' };
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', url: process.env['DATABASE_URL']!, entities: [User], poolSize: 10 }),
    TypeOrmModule.forFeature([User]),
    PassportModule,
  ],
  controllers: [HelloController, UsersController],
  providers: [UsersService, JwtStrategy],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
app.useGlobalPipes(new ValidationPipe());
await app.listen(0, '127.0.0.1');
console.log(JSON.stringify({ ready: true, urls: { api: await app.getUrl() } }));
