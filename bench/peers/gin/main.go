// Gin with lib/pq and golang-jwt, as their documentation writes it.
package main

import (
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt"
	_ "github.com/lib/pq"
)

type user struct {
	ID            string          `json:"id"`
	Email         string          `json:"email"`
	EmailVerified bool            `json:"emailVerified"`
	Name          string          `json:"name"`
	Username      *string         `json:"username"`
	Phone         *string         `json:"phone"`
	Locale        string          `json:"locale"`
	Timezone      *string         `json:"timezone"`
	ExternalID    *string         `json:"externalId"`
	Metadata      json.RawMessage `json:"metadata"`
	AppMetadata   json.RawMessage `json:"appMetadata"`
	CreatedAt     time.Time       `json:"createdAt"`
	UpdatedAt     time.Time       `json:"updatedAt"`
	LastSignInAt  *time.Time      `json:"lastSignInAt"`
	Version       int             `json:"version"`
}

type newUser struct {
	Email string `json:"email" binding:"required"`
	Name  string `json:"name" binding:"required"`
}

type scanner interface{ Scan(...interface{}) error }

func scan(row scanner) (u user, err error) {
	err = row.Scan(&u.ID, &u.Email, &u.EmailVerified, &u.Name, &u.Username, &u.Phone, &u.Locale, &u.Timezone,
		&u.ExternalID, &u.Metadata, &u.AppMetadata, &u.CreatedAt, &u.UpdatedAt, &u.LastSignInAt, &u.Version)
	return
}

func uuid() string {
	b := make([]byte, 16)
	rand.Read(b)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	columns := os.Getenv("COLUMNS_SQL")
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL")+"?sslmode=disable")
	must(err)
	db.SetMaxOpenConns(10)
	db.SetMaxIdleConns(10)
	find, err := db.Prepare("SELECT " + columns + " FROM roster.users WHERE id = $1")
	must(err)
	list, err := db.Prepare("SELECT " + columns + " FROM roster.users WHERE deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $1")
	must(err)
	create, err := db.Prepare(`INSERT INTO roster.users (id, email, email_key, name, name_key, locale, metadata, app_metadata,
		created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5, 'en', '{}', '{}', now(), now(), 1) RETURNING ` + columns)
	must(err)
	key, err := jwt.ParseECPublicKeyFromPEM([]byte(os.Getenv("JWT_PUBLIC_KEY")))
	must(err)
	parser := jwt.Parser{ValidMethods: []string{"ES256"}}
	issuer, audience := os.Getenv("JWT_ISSUER"), os.Getenv("JWT_AUDIENCE")

	gin.SetMode(gin.ReleaseMode)
	app := gin.New()
	app.Use(gin.Recovery())
	app.GET("/hello", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"hello": "world"}) })
	users := app.Group("/api/v1/users", func(c *gin.Context) {
		claims := jwt.MapClaims{}
		_, err := parser.ParseWithClaims(strings.TrimPrefix(c.GetHeader("Authorization"), "Bearer "), claims,
			func(*jwt.Token) (interface{}, error) { return key, nil })
		if err != nil || !claims.VerifyIssuer(issuer, true) || !claims.VerifyAudience(audience, true) {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	})
	users.GET("/:id", func(c *gin.Context) {
		found, err := scan(find.QueryRow(c.Param("id")))
		if err == sql.ErrNoRows {
			c.Status(http.StatusNotFound)
		} else if err != nil {
			c.Status(http.StatusInternalServerError)
		} else {
			c.JSON(http.StatusOK, found)
		}
	})
	users.GET("", func(c *gin.Context) {
		limit, err := strconv.Atoi(c.DefaultQuery("limit", "20"))
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		rows, err := list.Query(limit)
		if err != nil {
			c.Status(http.StatusInternalServerError)
			return
		}
		defer rows.Close()
		data := make([]user, 0, limit)
		for rows.Next() {
			each, err := scan(rows)
			must(err)
			data = append(data, each)
		}
		c.JSON(http.StatusOK, gin.H{"data": data})
	})
	users.POST("", func(c *gin.Context) {
		var body newUser
		if c.ShouldBindJSON(&body) != nil {
			c.Status(http.StatusUnprocessableEntity)
			return
		}
		made, err := scan(create.QueryRow(uuid(), body.Email, strings.ToLower(body.Email), body.Name, strings.ToLower(body.Name)))
		if err != nil {
			c.Status(http.StatusConflict)
			return
		}
		c.JSON(http.StatusCreated, made)
	})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Printf("{\"ready\":true,\"urls\":{\"api\":\"http://%s\"}}\n", listener.Addr())
	must(http.Serve(listener, app))
}
